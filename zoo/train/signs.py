"""Early signs that a run will not do well, each warned of once, as it appears.

The thresholds are far from what networks that train well have: of the shipped architectures, over
the runs of the results, at most 31 % of a ReLU's channels are dead, no more than 1 % of a sigmoid's
values saturated, no layer's gradient is below 0.3 % of the last one's, and no loss goes up and down
by more than 15 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from zoo.errors import WriteError, format_error
from zoo.train.layer_statistics import LayerStatistics
from zoo.train.named_layers import NamedLayer, named_layers
from zoo.train.run_directory import RunDirectory
from zoo.train.statistics import line_of, measure, read_statistics, statistics_in

if TYPE_CHECKING:
    from zoo.train.trainer import Trainer

RISING = 3  # epochs in a row
RISEN = 1.05  # and by so much in all: losses at the end of a run go up and down a little
UNSTEADY = 1.25  # how much a loss rises and falls, or falls and rises, each time
DEAD = 0.5  # of the channels; more than that
SATURATED = 0.9  # of the values
VANISHED = 1e-5  # of the last layer's gradient
LEAST_STEP = 1e-5  # of a layer's weights, in a step
LEAST_MOVE = 1e-3  # of a layer's weights, if all steps of the run went the same way

Sign = tuple[str, str]  # what it is known by, so that it is told once; and what to say


class Signs:
    """Measures a run's layers after each epoch, keeps the figures, and warns.

    Args:
        trainer: of the run, at its start or as it is resumed.
        directory: where ``statistics.jsonl`` is.
        warn: called with each warning.
    """

    def __init__(
        self, trainer: Trainer, directory: RunDirectory, warn: Callable[[str], object]
    ) -> None:
        self._trainer, self._directory, self._warn = trainer, directory, warn
        self._layers = named_layers(trainer.architecture, trainer.model)
        step = trainer.progress.step
        self._lines: list[dict[str, Any]] = []
        self._told: set[str] = set()
        self._measured = self._written = True
        if step:
            self._lines, wrong = read_statistics(directory.statistics, step, self._layers)
            if wrong:
                warn(f"{directory.statistics}: {wrong}: it is written anew from there on")
        for line in self._lines:
            self._told |= {key for key, _ in self._signs(line)}
        for epoch in range(len(trainer.metrics)):
            until = trainer.metrics[: epoch + 1]
            self._told |= {key for key, _ in signs_of_losses(until)}
            self._told |= {key for key, _ in signs_of_swings(until, (), self._layers)}
        done = trainer.progress.epoch
        known = self._lines[-1]["epoch"] if self._lines else -1
        if trainer.progress.step_in_epoch == 0 and known < done:  # the start, or it was cut off
            self._look(max(done - 1, 0))

    def after_epoch(self) -> None:
        """Measure, when an epoch is finished, and warn of what is new."""
        self._look(self._trainer.progress.epoch - 1)
        self._tell(signs_of_losses(self._trainer.metrics))
        if self._lines:
            statistics = statistics_in(self._lines[-1])
            self._tell(signs_of_swings(self._trainer.metrics, statistics, self._layers))

    def go_back(self) -> None:
        """Leave out what came after the step that the run has gone back to."""
        step = self._trainer.progress.step
        self._lines = [line for line in self._lines if line["step"] <= step]

    def _look(self, epoch: int) -> None:
        if not self._measured:
            return
        try:
            statistics, images = measure(self._trainer, self._layers, epoch)
        except Exception as error:  # a plugin's layer need not allow copies; training goes on
            self._measured = False
            self._warn(f"the layers' figures cannot be measured: {format_error(error)}")
            return
        line = line_of(self._trainer, statistics, images)
        self._lines.append(line)
        self._write()
        self._tell(self._signs(line))

    def _write(self) -> None:
        """Write the file; that it cannot be written is said once, and training goes on."""
        try:
            self._directory.write_statistics(self._lines)
        except WriteError as error:
            if self._written:
                self._warn(f"{error} Training goes on without the layers' figures.")
            self._written = False

    def _signs(self, line: Mapping[str, Any]) -> Iterator[Sign]:
        """All that a line shows, told already or not."""
        statistics = statistics_in(line)
        if line["epoch"] == 0:
            steps = self._trainer.progress.step + self._trainer.steps_left
            yield from signs_of_rate(statistics, line["lr"], steps)
        else:
            yield from signs_of_layers(statistics, self._layers)

    def _tell(self, signs: Iterator[Sign]) -> None:
        for key, message in signs:
            if key not in self._told:
                self._told.add(key)
                self._warn(message)


def signs_of_losses(metrics: Sequence[Mapping[str, Any]]) -> Iterator[Sign]:
    """A loss that rises, in the lines of ``metrics.jsonl`` until now."""
    for key, name in (("train_loss", "training"), ("val_loss", "validation")):
        losses = [line[key] for line in metrics[-RISING - 1 :]]
        rises = all(before < after for before, after in pairwise(losses))
        if len(losses) > RISING and rises and losses[-1] > RISEN * losses[0]:
            advice = (
                "Use a smaller learning rate, or a schedule that lowers it."
                if key == "train_loss"
                else "The network learns the training images by heart, or steps are too large; "
                "best.pkl keeps the best epoch."
            )
            yield (
                f"rising {key}",
                f"the {name} loss has risen for {RISING} epochs, from {losses[0]:.4g} to "
                f"{losses[-1]:.4g}. {advice}",
            )


def signs_of_swings(
    metrics: Sequence[Mapping[str, Any]],
    statistics: Sequence[LayerStatistics],
    layers: Sequence[NamedLayer],
) -> Iterator[Sign]:
    """A validation loss that goes up and down by much.

    Args:
        metrics: the lines of ``metrics.jsonl`` until now.
        statistics: the latest.
        layers: the network's.
    """
    losses = [line["val_loss"] for line in metrics[-RISING - 1 :]]
    if len(losses) <= RISING or not all(0 < loss < math.inf for loss in losses):
        return
    changes = [math.log(after / before) for before, after in pairwise(losses)]
    turns = all(before * after < 0 for before, after in pairwise(changes))
    if not turns or min(map(abs, changes)) < math.log(UNSTEADY):
        return
    moved = [layer.update if layer.update < math.inf else 0.0 for layer in statistics]
    most = max(moved, default=0.0)
    where = f", most in {layers[moved.index(most)]}: {100 * most:.2g} % of its weights a step"
    yield (
        "unsteady",
        f"the validation loss goes up and down, {', '.join(f'{loss:.3g}' for loss in losses)}: "
        f"steps are too large{where if most else ''}. Use a smaller learning rate, a schedule that "
        "lowers it such as cosine, or adam.",
    )


def signs_of_rate(statistics: Sequence[LayerStatistics], lr: float, steps: int) -> Iterator[Sign]:
    """A learning rate so small that the weights would not move, at the start of a run.

    Args:
        statistics: of the first batch; ``update`` is the first step's.
        lr: the learning rate, without the schedule.
        steps: of the whole run.
    """
    updates = [layer.update for layer in statistics if not math.isnan(layer.update)]
    step = max(updates, default=1.0)
    pulled = any(layer.weight_gradient > 0 for layer in statistics)  # else it is not the rate
    if lr == 0 or (step == 0 and pulled):
        yield (
            "rate",
            f"the learning rate {lr:.3g} is too small: the first step moves no weight at all. "
            "Use a larger one.",
        )
    if 0 < step < LEAST_STEP and step * steps < LEAST_MOVE:
        yield (
            "rate",
            f"the learning rate {lr:.3g} is too small: if all {steps:,} steps went the same way, "
            f"no layer's weights would change by more than {100 * step * steps:.2g} %. "
            "Use a larger one.",
        )


def signs_of_layers(
    statistics: Sequence[LayerStatistics], layers: Sequence[NamedLayer]
) -> Iterator[Sign]:
    """Dead, saturated and unreached layers."""
    last = statistics[-1].gradient if statistics else math.nan
    unreached = []
    for figures, layer in zip(statistics, layers, strict=True):
        if "relu" in layer.type and figures.dead > DEAD:
            yield (
                f"dead {layer.name}",
                f"{layer}: {100 * figures.dead:.0f} % of its channels are 0 for every pixel of "
                "every image (dead ReLUs, which no gradient gets through). Use a smaller learning "
                "rate, an initializer such as he_normal, or leaky_relu.",
            )
        if figures.saturated >= SATURATED:
            yield (
                f"saturated {layer.name}",
                f"{layer}: {100 * figures.saturated:.0f} % of its values are at its bounds "
                "(saturated: no gradient gets through). Use a smaller learning rate, or smaller "
                "initial weights.",
            )
        if not math.isnan(figures.weight) and figures.gradient < VANISHED * last:
            unreached.append((layer, figures.gradient))
    if unreached:
        layer, gradient = unreached[-1]  # the last in the order of the file
        others = f" and {len(unreached) - 1} before it" if len(unreached) > 1 else ""
        yield (
            "vanishing",
            f"{layer}{others}: the gradient vanishes, {gradient:.2g} beside {last:.2g} at the "
            "network's output, so that it does not learn. Look at what follows it for dead or "
            "saturated layers, and at the initializer.",
        )
