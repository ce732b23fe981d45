"""Which checkpoints a run can go on from after it has diverged.

Not all that is finite can train: a run is often saved when its weights have exploded already. And
``last.pkl`` is saved by the clock, so that it is of another step in each run; those that a run
itself goes back to are of ends of epochs, which depend on steps alone, also in a resumed run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.errors import CheckpointError
from zoo.train.causes import NO_WEIGHT
from zoo.train.checkpoint import is_for_inference, load_checkpoint, previous_path
from zoo.train.run_directory import RunDirectory
from zoo.train.snapshot import all_finite

if TYPE_CHECKING:
    from zoo.train.trainer import Trainer

NEAR = 100  # steps after where it diverged before: going back had not helped


def keep_return_point(trainer: Trainer, directory: RunDirectory) -> None:
    """Keep this moment for a run that may go back, at the start of an epoch or of the process.

    Does nothing where ``train.on_divergence`` has no returns, and keeps no weights beyond sense.
    """
    if not trainer.architecture.train.on_divergence["returns"]:
        return
    if not all_finite(trainer.model.state_dict().values()):
        return  # the first step will say so
    exists = directory.returning.exists() and directory.start.exists()
    if exists and trainer.progress.step_in_epoch:
        return  # resumed within an epoch
    content = trainer.checkpoint()
    if not directory.start.exists():
        directory.save_start(content)
    if largest_weight(trainer, content) <= NO_WEIGHT:
        directory.save_returning(content)


def go_back(trainer: Trainer, directory: RunDirectory, step: int, lr_factor: float) -> bool:
    """Go back to the start of the epoch, or further if that did not help before.

    ``last.pkl`` is then of there, and ``last.previous.pkl`` stays as it is.

    Args:
        trainer: of the run.
        directory: of the run.
        step: the one that was not finite.
        lr_factor: what the learning rate is multiplied by from then on.

    Returns:
        Whether there is something to go back to.
    """
    progress, changes = trainer.progress, trainer.changes
    points = sorted(
        (
            content
            for _, content in _readable((directory.returning, directory.best, directory.start))
            if content["progress"]["step"] <= progress.step
        ),
        key=_step,
    )
    points = trainer.world.broadcast(points)  # rank 0's: others may not have the files
    if not points:
        return False
    failed = progress.returns > 0 and step <= progress.diverged_step + NEAR
    usable = [
        content
        for content in points
        if largest_weight(trainer, content) <= NO_WEIGHT
        and (not failed or _step(content) < progress.returned_step)
    ]
    trainer.restore([points[0], *usable][-1])
    now = trainer.progress
    now.returns, now.lr_factor = progress.returns + 1, lr_factor
    now.diverged_step, now.returned_step = step, now.step
    # best.pkl stays, though the epoch that it is of may be trained again
    now.best_psnr, now.best_epoch = progress.best_psnr, progress.best_epoch
    trainer.changes = changes
    directory.replace_last(trainer.checkpoint())
    directory.write_metrics(trainer.metrics)
    keep_return_point(trainer, directory)
    return True


def able_to_train(trainer: Trainer, directory: RunDirectory) -> tuple[str, int, float]:
    """The furthest checkpoint whose weights are not beyond sense, ``last.pkl`` before all others.

    Returns:
        Its path, "" for none; its step; the largest weight of ``last.pkl``.
    """
    last = directory.last
    others = (previous_path(last), directory.best, directory.returning, directory.start)
    found = [
        (_step(content), path, largest_weight(trainer, content))
        for path, content in _readable((last, *others))
    ]
    largest = next((weight for _, path, weight in found if path == last), 0.0)
    able = [(path == last, step, path) for step, path, weight in found if weight <= NO_WEIGHT]
    if not able:
        return "", 0, largest
    _, step, path = max(able)
    return str(path), step, largest


def largest_weight(trainer: Trainer, content: Mapping[str, Any]) -> float:
    """The largest magnitude among a checkpoint's parameters; buffers may be anything."""
    names = {name for name, _ in trainer.model.named_parameters()}
    values = [it for name, it in content["model"].items() if name in names and it.numel()]
    return max((float(value.abs().max()) for value in values), default=0.0)


def _readable(paths: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Those that are there and whole, with all that training needs."""
    for path in paths:
        with suppress(CheckpointError):
            content = load_checkpoint(path)
            if not is_for_inference(content):
                yield path, content


def _step(content: Mapping[str, Any]) -> int:
    step: int = content["progress"]["step"]
    return step
