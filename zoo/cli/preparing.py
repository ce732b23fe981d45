"""What a run needs before its first step: its trainer, its data, and the files that say so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import torch

from zoo.cli.caching import say_unused
from zoo.cli.console import count_of, warn
from zoo.cli.measured_on import how_measured
from zoo.cli.streams import say
from zoo.compiler import Compiler
from zoo.distributed.world import ALONE, World
from zoo.errors import UsageError, listed
from zoo.train.backend import MakeBackend, ZooBackend
from zoo.train.checkpoint import load_checkpoint
from zoo.train.device import device_name
from zoo.train.environment import convolutions, environment, environment_remarks
from zoo.train.find_model import find_model
from zoo.train.measured_range import with_measured_range, with_recorded_range
from zoo.train.providers import check_providers
from zoo.train.resumable import check_resumable, record_changes
from zoo.train.run_directory import RunDirectory
from zoo.train.run_images import (
    has_moved,
    new_images,
    on_both_sides,
    record_in,
    resumed_images,
)
from zoo.train.session import RunData, initial_model, load_run_data, unfilled_model
from zoo.train.starting_weights import start_from
from zoo.train.trainer import Trainer

TITLES: Final[Mapping[str, str]] = MappingProxyType({"zoo": "zoo", "torch": "torch.nn"})


def _backend(name: str) -> MakeBackend:
    """What trains; that by torch.nn is imported where it is asked for only."""
    if name == "zoo":
        return ZooBackend
    from zoo.torch_backend import TorchBackend

    return TorchBackend


def check_references(compiler: Compiler) -> None:
    """Refuse a run by torch.nn of what has no torch reference, before its images are read.

    Raises:
        PluginError: names what has none.
    """
    if compiler.architecture.train.backend == "torch":
        _backend("torch")(compiler, unfilled_model(compiler))


def new(
    compiler: Compiler,
    weights: str | None,
    device: torch.device,
    check: Callable[..., None],
    world: World = ALONE,
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
    check_references(compiler)
    compiler = with_measured_range(compiler)
    spec = compiler.architecture
    images = new_images(compiler, before)
    check(spec, images.train, warn=warn)
    data = load_run_data(compiler, device, images)
    torch.manual_seed(spec.train.seed)  # of layers that draw by torch's global generator
    trainer = _trainer(compiler, model.to(device), data, device, world)
    trainer.started_from = started_from
    return trainer, data


def resumed(
    compiler: Compiler, directory: RunDirectory, device: torch.device, world: World = ALONE
) -> tuple[Trainer, RunData]:
    """What goes on with the run in ``directory``, and its data."""
    model = unfilled_model(compiler)
    check_references(compiler)
    content, fell_back = _read(directory, compiler)
    spec = with_recorded_range(compiler.architecture, content, directory.last)
    compiler = compiler.of(spec)
    changes = check_resumable(directory.last, content, spec)
    images = resumed_images(compiler, directory.last, content)
    data = load_run_data(compiler, device, images)
    trainer = _trainer(compiler, model.to(device), data, device, world)
    trainer.restore(content)
    if trainer.progress.step > spec.train.epochs * len(trainer.batches):
        needed = -(-trainer.progress.step // len(trainer.batches))
        raise UsageError(
            f"--epochs {spec.train.epochs}: {directory.path} has taken {trainer.progress.step} "
            f"steps, which are more. Use {needed} or more."
        )
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
    remarks = environment_remarks(directory.read_environment(), _environment(trainer))
    return trainer, replace(data, remarks=(*data.remarks, *remarks))


def joined(
    compiler: Compiler,
    directory: RunDirectory,
    content: Mapping[str, Any],
    device: torch.device,
    world: World,
) -> tuple[Trainer, RunData]:
    """What trains a run with rank 0, from the checkpoint of its beginning, and its data."""
    spec = with_recorded_range(compiler.architecture, content, directory.last)
    compiler = compiler.of(spec)
    data = load_run_data(compiler, device, resumed_images(compiler, directory.last, content))
    model = unfilled_model(compiler).to(device)
    trainer = _trainer(compiler, model, data, device, world)
    trainer.restore(content)
    return trainer, data


def write_beginning(directory: RunDirectory, trainer: Trainer, data: RunData) -> None:
    """Write what is known of a run before it trains; an earlier evaluation is of no use then."""
    if not trainer.is_finished:
        directory.remove_evaluation()
    directory.write_architecture(trainer.architecture.text)
    directory.write_data(data.record)
    directory.write_environment({**_environment(trainer), **_origin(trainer)})


def _environment(trainer: Trainer) -> dict[str, object]:
    """What the run runs on."""
    machine = environment(trainer.device, trainer.world.size)
    backend = trainer.architecture.train.backend
    return {**machine, "convolutions": convolutions(trainer.device, backend)}


def _trainer(
    compiler: Compiler, model: Any, data: RunData, device: torch.device, world: World
) -> Trainer:
    """What trains the model, a Sequential, by the backend that the architecture names."""
    spec = compiler.architecture
    trainer = Trainer(
        spec,
        compiler,
        model,
        data.batches,
        data.validation,
        device,
        record=data.record,
        make_backend=_backend(spec.train.backend),
        world=world,
    )
    _check_mask(trainer, data)
    return trainer


def _check_mask(trainer: Trainer, data: RunData) -> None:
    """Refuse pixels of the target that do not count, where the backend's loss takes no mask.

    Raises:
        ArchitectureError: they are so.
    """
    if data.masked_by and not trainer.backend.takes_mask:
        spec = trainer.architecture
        raise spec.error(
            ("data", data.masked_by),
            "leaves out pixels of the target, and the torch reference of the loss "
            f"{spec.loss.type} takes no mask. Use a loss whose reference does, such as mse, or "
            'train.backend = "zoo".',
        )


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


def _origin(trainer: Trainer) -> dict[str, Any]:
    """What ``environment.json`` says beside the machine."""
    train = trainer.architecture.train
    origin: dict[str, Any] = {"precision": train.precision, "backend": train.backend}
    if trainer.started_from:
        origin["started_from"] = trainer.started_from
    if trainer.changes:
        origin["changes"] = trainer.changes
    return origin


def announce(trainer: Trainer, data: RunData) -> None:
    """Say on what, what and on which images a run trains."""
    spec, record = trainer.architecture, data.record
    parameters = sum(parameter.value.numel() for parameter in trainer.model.param())
    say(f"device: {device_name(trainer.device)}, precision {spec.train.precision}{_way(trainer)}")
    layers = count_of("layer", len(trainer.model))
    say(f"model: {spec.name}, {layers}, {parameters:,} parameters")
    if trainer.started_from:
        say(f"weights: {trainer.started_from['name']}")
    counts = [count_of("image", len(side)) for side in (record.train, record.held_out)]
    say(
        f"data: {spec.data.source.name}, {counts[0]}, {trainer.batches.samples:,} crops an epoch, "
        f"{counts[1]} to validate on ({listed(item.name for item in record.held_out)})"
    )
    say_unused(trainer.compiler.picture_cache)
    say(f"validation: {how_measured(data.validation[0].compared_with, data.noise)}")


def _way(trainer: Trainer) -> str:
    """How steps are computed, where that is not the usual way."""
    if trainer.architecture.train.backend != "zoo":
        return f", {TITLES[trainer.architecture.train.backend]}"
    return ", step captured as a CUDA graph" if trainer.device.type == "cuda" else ""
