"""What ``zoo run`` does once its architecture is read; imports torch."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import torch

from zoo.architecture import Architecture
from zoo.cli.console import count_of, print_table, shell_command, warn, warn_of_failures
from zoo.cli.diverged import what_to_do
from zoo.cli.preparing import announce, new, resumed, write_beginning
from zoo.cli.progress import EvaluationProgress, TrainingProgress
from zoo.cli.streams import say, work_counts
from zoo.cli.tables import evaluation_table
from zoo.compiler import Compiler
from zoo.data.cache.cache import PictureCache
from zoo.errors import DivergenceError, Stopped, WriteError
from zoo.plugins.registry import Registry
from zoo.train.device import choose_device
from zoo.train.evaluation import denoised, evaluate
from zoo.train.examples import write_examples
from zoo.train.kept_images import write_ranked
from zoo.train.named_layers import named_layers
from zoo.train.outcome import OutputRange, nothing_learned
from zoo.train.precision import check_precision
from zoo.train.run_directory import RunDirectory, find_checkpoint, open_run
from zoo.train.scores import Evaluation
from zoo.train.session import RunData, load_trained
from zoo.train.signals import StopRequest
from zoo.train.statistics import read_statistics
from zoo.train.tensorboard import mirrored, require_library
from zoo.train.trainer import Trainer


def train(
    compiler: Compiler,
    device_option: str,
    out: Path | None,
    resume: bool,
    weights: str | None,
    check: Callable[..., None],
    now: datetime,
    *,
    tensorboard: bool = False,
) -> None:
    """Train, save and evaluate; see ``zoo run --help``.

    Args:
        compiler: of what is trained.
        device_option, out, resume, weights: as the options.
        check: :func:`zoo.cli.checked_data.check_data` with its options; not for a resumed run.
        now: the time, which names the run's folder.
        tensorboard: whether TensorBoard is to show it.
    """
    spec, registry = compiler.architecture, compiler.registry
    work_counts()
    if tensorboard:
        require_library()
    device = choose_device(device_option)
    check_precision(spec, device)
    warn_of_failures(registry)
    with open_run(out, spec.name, now, resume) as directory, torch.no_grad():
        if resume and directory.has_checkpoint:
            trainer, data = resumed(compiler, directory, device)
            if trainer.is_finished and directory.is_evaluated:
                epochs = count_of("epoch", trainer.progress.epoch)
                say(f"run: {directory.path}: finished after {epochs}; --epochs N goes on with it")
                return
        else:
            if resume:
                say(f"{directory.path}: nothing was saved: the run starts from its beginning")
            trainer, data = new(compiler, weights, device, check)
            trainer.save(directory)  # where it cannot be, that is known before the first step
        for remark in data.remarks:
            warn(remark)
        write_beginning(directory, trainer, data)
        announce(trainer, data)
        say(f"run: {directory.path}")
        if tensorboard:
            say(f"tensorboard: {directory.tensorboard}")
        board = mirrored(directory, trainer, tensorboard, warn)
        with StopRequest() as stop, board as on_kept:
            try:
                observer = TrainingProgress(trainer, on_kept)
                with observer.bar:
                    trainer.run(directory, observer, stop)
                say(observer.summary())
                evaluation, messages = evaluate_run(registry, directory, data, trainer, stop)
            except Stopped as stopped:
                command = _resume_command(directory, device_option, compiler.picture_cache)
                raise Stopped(f"{stopped}. Go on with: {command}", stopped.signal) from None
            except DivergenceError as error:
                raise what_to_do(error, directory, device_option) from None
            print_table(evaluation_table(evaluation))
            say(f"pictures: {directory.examples}, noisy, denoised and what that is compared with")
            for message in messages:
                warn(message)
        say(f"run: {directory.path}")
        say(f"page: {shell_command('zoo', 'report', directory.path)}")


def _resume_command(
    directory: RunDirectory, device: str, picture_cache: PictureCache | None
) -> str:
    """What to type to go on with a run, quoted for a shell."""
    options: list[str | Path] = [] if device == "auto" else ["--device", device]
    if picture_cache is not None:
        options += ["--cache", picture_cache.folder]
    file, folder = directory.path / "architecture.toml", directory.path
    return shell_command("zoo", "run", file, "--out", folder, *options, "--resume")


def evaluate_run(
    registry: Registry,
    directory: RunDirectory,
    data: RunData,
    trainer: Trainer,
    stop: StopRequest,
) -> tuple[Evaluation, list[str]]:
    """Evaluate the best weights, else the latest, and write what was found.

    Returns:
        The evaluation, and what is said of a run that learnt nothing.
    """
    spec, device, outputs = trainer.architecture, trainer.device, OutputRange()
    path, weights = find_checkpoint(directory.path)
    _, model = load_trained(path, registry, warn)
    model.to(device)
    images = data.validation
    bar = EvaluationProgress(len(images), stop)
    with bar.bar:
        evaluation = evaluate(model, images, device, bar.on_image, on_output=outputs.see)
    content = evaluation.to_dict(_validation_name(spec), weights, spec.train.precision, data.noise)
    progress = trainer.progress
    epoch = progress.best_epoch if weights == "best" else progress.epoch
    try:
        write_ranked(directory.images, model, images, evaluation, device, epoch, weights)
    except WriteError as error:
        warn(f"{error} The run is finished without pictures of it.")
    directory.write_evaluation(content)
    write_examples(directory.examples, images, denoised(model, images[:4], device))
    layers = named_layers(spec, trainer.model)
    lines, _ = read_statistics(directory.statistics, trainer.progress.step, layers)
    last = lines[-1] if lines else None
    found = nothing_learned(evaluation, outputs, trainer.metrics, last, layers)
    return evaluation, list(found)


def _validation_name(spec: Architecture) -> str:
    return f"held out of {spec.data.source.name}" if spec.data.validation is None else "validation"
