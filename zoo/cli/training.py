"""What ``zoo run`` does once its architecture is read; imports torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import torch

from zoo.architecture import Architecture
from zoo.cli.console import count_of, print_table, shell_command, warn, warn_of_failures
from zoo.cli.diverged import what_to_do
from zoo.cli.measured_on import how_measured
from zoo.cli.progress import EvaluationProgress, TrainingProgress
from zoo.cli.streams import say, work_counts
from zoo.cli.tables import evaluation_table
from zoo.compiler import Compiler
from zoo.errors import DivergenceError, Stopped, UsageError, WriteError, listed
from zoo.plugins.registry import Registry
from zoo.train.checkpoint import load_checkpoint
from zoo.train.device import choose_device, device_name
from zoo.train.environment import environment, environment_remarks
from zoo.train.evaluation import denoised, evaluate
from zoo.train.examples import write_examples
from zoo.train.find_model import find_model
from zoo.train.kept_images import write_ranked
from zoo.train.measured_range import with_measured_range, with_recorded_range
from zoo.train.named_layers import named_layers
from zoo.train.outcome import OutputRange, nothing_learned
from zoo.train.precision import check_precision
from zoo.train.providers import check_providers
from zoo.train.resumable import check_resumable, record_changes
from zoo.train.run_directory import RunDirectory, find_checkpoint, open_run
from zoo.train.run_images import (
    has_moved,
    new_images,
    on_both_sides,
    record_in,
    resumed_images,
)
from zoo.train.session import (
    RunData,
    initial_model,
    load_run_data,
    load_trained,
    unfilled_model,
)
from zoo.train.signals import StopRequest
from zoo.train.starting_weights import start_from
from zoo.train.statistics import read_statistics
from zoo.train.tensorboard import mirrored, require_library
from zoo.train.trainer import Trainer


def train(
    spec: Architecture,
    registry: Registry,
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
        spec: what is trained.
        registry: what it was checked with.
        device_option, out, resume, weights: as the options.
        check: :func:`zoo.cli.checked_data.check_data` with its options; not for a resumed run.
        now: the time, which names the run's folder.
        tensorboard: whether TensorBoard is to show it.
    """
    work_counts()
    if tensorboard:
        require_library()
    device = choose_device(device_option)
    check_precision(spec, device)
    compiler = Compiler(spec, registry)
    warn_of_failures(registry)
    with open_run(out, spec.name, now, resume) as directory, torch.no_grad():
        if resume and directory.has_checkpoint:
            trainer, data = _resumed(compiler, directory, device)
            if trainer.is_finished and directory.is_evaluated:
                epochs = count_of("epoch", trainer.progress.epoch)
                say(f"run: {directory.path}: finished after {epochs}; --epochs N goes on with it")
                return
        else:
            if resume:
                say(f"{directory.path}: nothing was saved: the run starts from its beginning")
            trainer, data = _new(compiler, weights, device, check)
            trainer.save(directory)  # where it cannot be, that is known before the first step
        for remark in data.remarks:
            warn(remark)
        if not trainer.is_finished:
            directory.remove_evaluation()
        spec = trainer.architecture
        directory.write_architecture(spec.text)
        directory.write_data(data.record)
        directory.write_environment({**environment(device), **_origin(trainer)})
        _announce(trainer, data)
        say(f"run: {directory.path}")
        board = mirrored(directory, trainer, tensorboard, warn)
        with StopRequest() as stop, board as on_kept:
            try:
                observer = TrainingProgress(trainer, on_kept)
                with observer.bar:
                    trainer.run(directory, observer, stop)
                say(observer.summary())
                _evaluate(registry, directory, data, trainer, stop)
            except Stopped as stopped:
                command = _resume_command(directory, device_option)
                raise Stopped(f"{stopped}. Go on with: {command}", stopped.signal) from None
            except DivergenceError as error:
                raise what_to_do(error, directory, device_option) from None
        say(f"run: {directory.path}")


def _new(
    compiler: Compiler,
    weights: str | None,
    device: torch.device,
    check: Callable[..., None],
) -> tuple[Trainer, RunData]:
    """What trains a new run, and its data."""
    started_from = before = None
    # Before the images are read, so that layers that do not fit are known at once.
    if weights is None:
        model = initial_model(compiler, compiler.architecture.train.seed)
    else:
        model = unfilled_model(compiler)
        found = find_model(weights, compiler.registry)
        started_from = start_from(model, found)
        before = record_in(load_checkpoint(found.path))
    compiler = with_measured_range(compiler)
    spec = compiler.architecture
    images = new_images(compiler, before)
    check(spec, images.train, warn=warn)
    data = load_run_data(compiler, device, images)
    torch.manual_seed(spec.train.seed)  # of layers that draw by torch's global generator
    trainer = Trainer(spec, compiler, model.to(device), data.batches, data.validation, device)
    trainer.started_from, trainer.record = started_from, data.record
    return trainer, data


def _resumed(
    compiler: Compiler, directory: RunDirectory, device: torch.device
) -> tuple[Trainer, RunData]:
    """What goes on with the run in ``directory``, and its data."""
    model = unfilled_model(compiler)
    content, fell_back = _read(directory, compiler)
    spec = with_recorded_range(compiler.architecture, content, directory.last)
    compiler = Compiler(spec, compiler.registry)
    changes = check_resumable(directory.last, content, spec)
    images = resumed_images(compiler, directory.last, content)
    data = load_run_data(compiler, device, images)
    trainer = Trainer(spec, compiler, model.to(device), data.batches, data.validation, device)
    trainer.restore(content)
    if trainer.progress.step > spec.train.epochs * len(trainer.batches):
        needed = -(-trainer.progress.step // len(trainer.batches))
        raise UsageError(
            f"--epochs {spec.train.epochs}: {directory.path} has taken {trainer.progress.step} "
            f"steps, which are more. Use {needed} or more."
        )
    trainer.record = data.record
    if fell_back:
        directory.replace_last(trainer.checkpoint())
    directory.write_metrics(trainer.metrics)
    if has_moved(content, spec) and directory.best.exists():
        # zoo evaluate reads the images from where this checkpoint says that they are
        best = {**load_checkpoint(directory.best), "architecture": spec.text}
        directory.save_best(best)
    say(f"resumed after step {trainer.progress.step}")
    if not trainer.is_finished:
        for change in record_changes(trainer, changes):
            say(change)
    remarks = environment_remarks(directory.read_environment(), environment(device))
    return trainer, replace(data, remarks=(*data.remarks, *remarks))


def _resume_command(directory: RunDirectory, device: str) -> str:
    """What to type to go on with a run, quoted for a shell."""
    options = [] if device == "auto" else ["--device", device]
    file, folder = directory.path / "architecture.toml", directory.path
    return shell_command("zoo", "run", file, "--out", folder, *options, "--resume")


def _read(directory: RunDirectory, compiler: Compiler) -> tuple[dict[str, Any], bool]:
    """The checkpoint of the run in ``directory``, and whether it is another than ``last.pkl``."""
    content, warning = directory.load_newest()
    if warning:
        warn(warning)
    record = record_in(content)
    if record and (remark := on_both_sides(directory.last, record)):
        warn(remark)
    for other in check_providers(directory.last, content["plugins"], compiler.registry):
        warn(other)
    return content, bool(warning)


def _evaluate(
    registry: Registry,
    directory: RunDirectory,
    data: RunData,
    trainer: Trainer,
    stop: StopRequest,
) -> None:
    """Evaluate the best weights, else the latest, and write what was found."""
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
    print_table(evaluation_table(evaluation))
    say(f"pictures: {directory.examples}, noisy, denoised and what that is compared with")
    layers = named_layers(spec, trainer.model)
    lines, _ = read_statistics(directory.statistics, trainer.progress.step, layers)
    last = lines[-1] if lines else None
    for message in nothing_learned(evaluation, outputs, trainer.metrics, last, layers):
        warn(message)


def _origin(trainer: Trainer) -> dict[str, Any]:
    """What ``environment.json`` says beside the machine."""
    origin: dict[str, Any] = {"precision": trainer.architecture.train.precision}
    if trainer.started_from:
        origin["started_from"] = trainer.started_from
    if trainer.changes:
        origin["changes"] = trainer.changes
    return origin


def _announce(trainer: Trainer, data: RunData) -> None:
    spec, record = trainer.architecture, data.record
    parameters = sum(parameter.value.numel() for parameter in trainer.model.param())
    graph = ", step captured as a CUDA graph" if trainer.device.type == "cuda" else ""
    say(f"device: {device_name(trainer.device)}, precision {spec.train.precision}{graph}")
    layers = count_of("layer", len(trainer.model))
    say(f"model: {spec.name}, {layers}, {parameters:,} parameters")
    if trainer.started_from:
        say(f"weights: {trainer.started_from['name']}")
    counts = [count_of("image", len(side)) for side in (record.train, record.held_out)]
    say(
        f"data: {spec.data.source.name}, {counts[0]}, {trainer.batches.samples:,} crops an epoch, "
        f"{counts[1]} to validate on ({listed(item.name for item in record.held_out)})"
    )
    say(f"validation: {how_measured(data.validation[0].compared_with, data.noise)}")


def _validation_name(spec: Architecture) -> str:
    return f"held out of {spec.data.source.name}" if spec.data.validation is None else "validation"
