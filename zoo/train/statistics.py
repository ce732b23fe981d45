"""Each layer's figures, measured once an epoch: ``statistics.jsonl``.

A line for each epoch, and one for the network as it is at the start, whose ``epoch`` is 0:

=========== ======================================================================================
``version`` 1
``epoch``   finished epochs
``step``    steps taken
``lr``      the learning rate that ``update`` is for: the run's own, without the schedule
``images``  how many crops were measured on
``layers``  for each layer in the order of the file its ``name``, ``type``, ``file``, ``line`` and
            ``column``, and the figures of :class:`.layer_statistics.LayerStatistics`; null where
            there is nothing to measure
=========== ======================================================================================

They are measured on the first crops of the epoch's first batch, by a copy of the network in float32
that takes one step, so that they depend on nothing but weights, optimizer and seed: a resumed run
has the same, and one without them the same weights.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data.batch import Batch
from zoo.train.examination import try_step
from zoo.train.layer_statistics import LayerStatistics
from zoo.train.named_layers import NamedLayer

if TYPE_CHECKING:
    from zoo.train.trainer import Trainer

VERSION = 1
MOST_IMAGES = 2
MOST_PIXELS = 2**15  # of all crops together, so that large ones take little time and memory
SUSPECT = 0.5  # of a layer's channels without any value but 0, or of its values at its bounds
MORE_BATCHES = 4
LEAST_PART = 100  # an epoch has so many times the crops that are measured on, or more


def measure(
    trainer: Trainer, layers: Sequence[NamedLayer], epoch: int
) -> tuple[list[LayerStatistics], int]:
    """Each layer's figures now, and the number of crops that they are measured on.

    A layer that seems dead or saturated is looked at on more crops, whole batches: its ``dead`` and
    ``saturated`` are the least shares, so that two dark crops prove nothing.

    Args:
        trainer: of the run; nothing of it changes.
        layers: the network's.
        epoch: whose first batch to take, from 0.
    """
    batches = trainer.batches
    pixels = MOST_PIXELS // (batches.height * batches.width)
    count = max(1, min(MOST_IMAGES, pixels, batches.samples // LEAST_PART, batches.batch_size))
    statistics = _on(trainer, layers, batches.batch(epoch, 0).rows(0, count))
    if any(figures.dead > SUSPECT or figures.saturated > SUSPECT for figures in statistics):
        for index in range(min(MORE_BATCHES, len(batches))):
            more = _on(trainer, layers, batches.batch(epoch, index))
            statistics = [
                replace(
                    figures,
                    dead=min(figures.dead, other.dead),
                    saturated=min(figures.saturated, other.saturated),
                )
                for figures, other in zip(statistics, more, strict=True)
            ]
    return statistics, count


def _on(trainer: Trainer, layers: Sequence[NamedLayer], batch: Batch) -> list[LayerStatistics]:
    """Each layer's figures on a batch."""
    lr = trainer.base_lr * trainer.progress.lr_factor
    state = trainer.optimizer.state_dict()
    trial = try_step(trainer.compiler, trainer.model, state, lr, batch, layers, exact=False)
    return trial.statistics()


def line_of(trainer: Trainer, statistics: Sequence[LayerStatistics], images: int) -> dict[str, Any]:
    """The line of ``statistics.jsonl`` for this moment."""
    return {
        "version": VERSION,
        "epoch": trainer.progress.epoch,
        "step": trainer.progress.step,
        "lr": trainer.base_lr * trainer.progress.lr_factor,
        "images": images,
        "layers": [layer.to_plain() for layer in statistics],
    }


def read_statistics(path: Path, until: int) -> list[dict[str, Any]]:
    """The lines of a run so far; those that cannot be read, and what follows them, are left out.

    Args:
        path: ``statistics.jsonl``, which need not be there.
        until: the step that the run is at.
    """
    lines: list[dict[str, Any]] = []
    try:
        for text in path.read_text("utf-8").splitlines():
            line = json.loads(text)
            if line["version"] != VERSION or line["step"] > until:
                break
            statistics_in(line)
            lines.append(line)
    except (OSError, ValueError, LookupError, TypeError):
        pass
    return lines


def statistics_in(line: Mapping[str, Any]) -> list[LayerStatistics]:
    """The figures in a line."""
    return [LayerStatistics.from_plain(layer) for layer in line["layers"]]
