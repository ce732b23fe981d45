"""What ``zoo run`` does once its architecture is read; imports torch."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import torch

from zoo.architecture import Architecture
from zoo.cli.console import count_of, print_table, shell_command, warn, warn_of_failures
from zoo.cli.diverged import what_to_do
from zoo.cli.preparing import announce, joined, new, resumed, write_beginning
from zoo.cli.progress import EvaluationProgress, TrainingProgress, Unseen
from zoo.cli.ranks import check_alike, device_of, run_folder, world_of
from zoo.cli.streams import say, work_counts
from zoo.cli.tables import evaluation_table
from zoo.compiler import Compiler
from zoo.data.cache.cache import PictureCache
from zoo.data.cache.opened import ChangedError
from zoo.data.stored import LostError
from zoo.distributed.launch import Launch
from zoo.distributed.world import World
from zoo.errors import DataError, DivergenceError, Stopped, WriteError
from zoo.plugins.registry import Registry
from zoo.train.checkpoint import load_checkpoint
from zoo.train.evaluation import denoised
from zoo.train.examples import write_examples
from zoo.train.kept_images import write_ranked
from zoo.train.named_layers import named_layers
from zoo.train.outcome import nothing_learned
from zoo.train.precision import check_precision
from zoo.train.run_directory import RunDirectory, find_checkpoint
from zoo.train.scores import Evaluation
from zoo.train.session import RunData, rebuild
from zoo.train.signals import StopRequest
from zoo.train.statistics import read_statistics
from zoo.train.tensorboard import mirrored, require_library
from zoo.train.together import check_pictures, evaluate_together, own
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
    launch: Launch | None = None,
    rank_timeout: float = 120,
) -> None:
    """Train, save and evaluate; see ``zoo run --help``.

    Args:
        compiler: of what is trained.
        device_option, out, resume, weights: as the options.
        check: :func:`zoo.cli.checked_data.check_data` with its options; not for a resumed run.
        now: the time, which names the run's folder.
        tensorboard: whether TensorBoard is to show it.
        launch: this process among those that train together; None for one by itself.
        rank_timeout: seconds that one of them is waited for which does not answer.
    """
    spec, registry = compiler.architecture, compiler.registry
    work_counts()
    if tensorboard:
        require_library()
    device = device_of(device_option, launch)
    check_precision(spec, device)
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        world = stack.enter_context(world_of(launch, device, rank_timeout))
        check_alike(world, spec, registry)
        folder = run_folder(world, launch, out, spec.name, now, resume)
        directory, resume = stack.enter_context(folder)
        if not directory.writes:
            follow(compiler, directory, device, world)
            return
        warn_of_failures(registry)
        if resume and directory.has_checkpoint:
            trainer, data = resumed(compiler, directory, device, world)
            if trainer.is_finished and directory.is_evaluated:
                epochs = count_of("epoch", trainer.progress.epoch)
                say(f"run: {directory.path}: finished after {epochs}; --epochs N goes on with it")
                world.broadcast(None)
                return
        else:
            if resume:
                say(f"{directory.path}: nothing was saved: the run starts from its beginning")
            trainer, data = new(compiler, weights, device, check, world)
            trainer.save(directory)  # where it cannot be, that is known before the first step
        for remark in data.remarks:
            warn(remark)
        write_beginning(directory, trainer, data)
        announce(trainer, data)
        say(f"run: {directory.path}")
        if tensorboard:
            say(f"tensorboard: {directory.tensorboard}")
        world.broadcast(trainer.checkpoint())
        board = mirrored(directory, trainer, tensorboard, warn)
        with StopRequest() as stop, board as on_kept:
            try:
                observer = TrainingProgress(trainer, on_kept)
                with observer.bar:
                    trainer.run(directory, observer, stop)
                say(observer.summary())
                evaluation, messages = evaluate_run(registry, directory, data, trainer, stop)
            except Stopped as stopped:
                go_on = _go_on(directory, device_option, compiler.picture_cache, world)
                raise Stopped(f"{stopped}. {go_on}", stopped.signal) from None
            except (LostError, ChangedError) as error:
                go_on = _go_on(directory, device_option, compiler.picture_cache, world)
                raise DataError(f"{error} {go_on}") from None
            except DivergenceError as error:
                raise what_to_do(error, directory, device_option) from None
            print_table(evaluation_table(evaluation))
            say(f"pictures: {directory.examples}, noisy, denoised and what that is compared with")
            for message in messages:
                warn(message)
        say(f"run: {directory.path}")
        say(f"page: {shell_command('zoo', 'report', directory.path)}")


def follow(compiler: Compiler, directory: RunDirectory, device: torch.device, world: World) -> None:
    """Train with rank 0, which prints and writes."""
    content = world.broadcast(None)
    if content is None:  # nothing is left to do
        return
    trainer, data = joined(compiler, directory, content, device, world)
    with StopRequest() as stop:
        trainer.run(directory, Unseen(), stop)
        content = world.broadcast(None)
        _, model = rebuild(directory.best, content, compiler.registry)
        progress = EvaluationProgress(len(data.validation), stop, quiet=True)
        evaluate_together(model.to(device), data.validation, device, progress.on_image, world)
        check_pictures(compiler, world)


def _go_on(
    directory: RunDirectory, device: str, picture_cache: PictureCache | None, world: World
) -> str:
    """What to type to go on with a run, quoted for a shell."""
    options: list[str | Path] = [] if device == "auto" else ["--device", device]
    if picture_cache is not None:
        options += ["--cache", picture_cache.folder]
    file, folder = directory.path / "architecture.toml", directory.path
    command = shell_command("zoo", "run", file, "--out", folder, *options, "--resume")
    if world.size > 1:
        return f"Go on with torchrun as before: -m {command}"
    return f"Go on with: {command}"


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
    spec, device = trainer.architecture, trainer.device
    path, weights = find_checkpoint(directory.path)
    checkpoint = trainer.world.broadcast(load_checkpoint(path))
    _, model = rebuild(path, checkpoint, registry, warn)
    model.to(device)
    images = data.validation
    bar = EvaluationProgress(len(own(images, trainer.world)), stop)
    with bar.bar:
        evaluation, outputs = evaluate_together(model, images, device, bar.on_image, trainer.world)
    check_pictures(trainer.compiler, trainer.world)
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
