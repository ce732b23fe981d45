"""Each layer's figures, measured once an epoch: ``statistics.jsonl``.

A line for each epoch, and one for the network as it is at the start, whose ``epoch`` is 0:

=========== ======================================================================================
``version`` 2
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
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo.data.batch import Batch
from zoo.files import read_regular
from zoo.train.examination import try_step
from zoo.train.layer_statistics import DISTRIBUTIONS, FIGURES, QUANTILES, LayerStatistics
from zoo.train.named_layers import NamedLayer

if TYPE_CHECKING:
    from zoo.train.trainer import Trainer

VERSION = 2
MOST_BYTES = 2**28  # of the file; a line has about 700 for each layer
MOST_COUNT = 2**53  # of steps: JSON's whole numbers
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


def read_statistics(
    path: Path, until: int, layers: Sequence[NamedLayer]
) -> tuple[list[dict[str, Any]], str]:
    """The lines of a run so far; those that are not of it, and what follows them, are left out.

    Args:
        path: ``statistics.jsonl``, which need not be there.
        until: the step that the run is at.
        layers: the network's.

    Returns:
        The lines, and what is wrong with the first that is none; "" where all are.
    """
    lines: list[dict[str, Any]] = []
    try:
        texts = read_regular(path, MOST_BYTES).decode("utf-8").split("\n")
        for text in filter(None, texts):
            line = _checked(json.loads(text), layers)
            if line["step"] > until:
                break
            lines.append(line)
    except FileNotFoundError:
        pass
    except OSError as error:
        return lines, f"cannot be read: {error.strerror}"
    except (ValueError, LookupError, TypeError, ArithmeticError, RecursionError):
        return lines, f"line {len(lines) + 1} is none of this run"
    return lines, ""


def _checked(line: Any, layers: Sequence[NamedLayer]) -> dict[str, Any]:
    """A line with nothing else in it; what is no line of this network raises one of many errors."""
    counts = {name: line[name] for name in ("version", "epoch", "step", "images")}
    figures = statistics_in(line)
    places = [(it.line, it.column) for it in figures]
    if (
        counts["version"] != VERSION
        or any(not _is_count(it) for it in (*counts.values(), *sum(places, ())))
        or any(type(it.file) is not str for it in figures)
        or any(not _is_number(layer[name]) for layer in line["layers"] for name in FIGURES)
        or any(not _is_spread(layer[name]) for layer in line["layers"] for name in DISTRIBUTIONS)
        or line["lr"] is None
        or not (_is_number(line["lr"]) and line["lr"] >= 0)
        or [(it.name, it.type) for it in figures] != [(it.name, it.type) for it in layers]
    ):
        raise ValueError("a line of something else")
    return {
        **{name: counts[name] for name in ("version", "epoch", "step")},
        "lr": line["lr"],
        "images": counts["images"],
        "layers": [it.to_plain() for it in figures],
    }


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < MOST_COUNT


def _is_number(value: Any) -> bool:
    """Whether it is finite, or none, which stands for nothing measured."""
    return value is None or (type(value) in (int, float) and math.isfinite(value))


def _is_spread(value: Any) -> bool:
    """Whether it is a distribution's quantiles, or none."""
    if value is None:
        return True
    numbers = type(value) is list and len(value) == len(QUANTILES) and None not in value
    return numbers and all(map(_is_number, value)) and value == sorted(value)


def statistics_in(line: Mapping[str, Any]) -> list[LayerStatistics]:
    """The figures in a line."""
    return [LayerStatistics.from_plain(layer) for layer in line["layers"]]
