"""Early signs that a run will not do well, and the words for them. No torch.

The thresholds are far from what networks that train well have: of the shipped architectures, over
the runs of the results, at most 31 % of a ReLU's channels are dead, no more than 1 % of a sigmoid's
values saturated, no layer's gradient is below 0.3 % of the last one's, and no loss goes up and down
by more than 15 %.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Protocol

from zoo.describe.named_layer import NamedLayer

RISING = 3  # epochs in a row
RISEN = 1.05  # and by so much in all: losses at the end of a run go up and down a little
UNSTEADY = 1.25  # how much a loss rises and falls, or falls and rises, each time
DEAD = 0.5  # of the channels; more than that
SATURATED = 0.9  # of the values
VANISHED = 1e-5  # of the last layer's gradient
LEAST_STEP = 1e-5  # of a layer's weights, in a step
LEAST_MOVE = 1e-3  # of a layer's weights, if all steps of the run went the same way

Sign = tuple[str, str]  # what it is known by, so that it is told once; and what to say


class Figures(Protocol):
    """What of a layer's figures the signs look at; see ``statistics.jsonl``, NaN for none."""

    @property
    def dead(self) -> float:
        """The share of channels that are 0 everywhere."""

    @property
    def saturated(self) -> float:
        """The share of values at an activation's bounds."""

    @property
    def gradient(self) -> float:
        """The root mean square of the gradient with respect to the output."""

    @property
    def weight(self) -> float:
        """The root mean square of the parameters; NaN for a layer without."""

    @property
    def weight_gradient(self) -> float:
        """The root mean square of their gradients."""

    @property
    def update(self) -> float:
        """The root mean square of the optimizer's step, as a multiple of ``weight``."""


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
    statistics: Sequence[Figures],
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
    where = ""
    if most:
        where = f", most in {layers[moved.index(most)]}: {100 * most:.2g} % of its weights a step"
    yield (
        "unsteady",
        f"the validation loss goes up and down, {', '.join(f'{loss:.3g}' for loss in losses)}: "
        f"steps are too large{where}. Use a smaller learning rate, a schedule that "
        "lowers it such as cosine, or adam.",
    )


def signs_of_rate(statistics: Sequence[Figures], lr: float, steps: int) -> Iterator[Sign]:
    """A learning rate so small that the weights would not move, at the start of a run.

    Where layers are saturated or dead, it is these that keep the weights still, which is said of
    them: a larger rate would make it worse.

    Args:
        statistics: of the first batch; ``update`` is the first step's.
        lr: the learning rate, without the schedule.
        steps: of the whole run.
    """
    updates = [layer.update for layer in statistics if not math.isnan(layer.update)]
    step = max(updates, default=1.0)
    pulled = any(layer.weight_gradient > 0 for layer in statistics)  # else it is not the rate
    if lr > 0 and any(it.saturated >= SATURATED or it.dead > DEAD for it in statistics):
        return
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


def no_better(psnr: float, noisy: float) -> str:
    """What to say of a result whose PSNR, in dB, is not above that of its noisy input."""
    return f"the result is no better than its noisy input: PSNR {psnr:.2f} dB, and {noisy:.2f} dB."


def signs_of_layers(statistics: Sequence[Figures], layers: Sequence[NamedLayer]) -> Iterator[Sign]:
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
