"""The lines of ``metrics.jsonl`` and ``statistics.jsonl``."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from zoo.describe.named_layer import NamedLayer
from zoo.report.distributions import QUANTILES
from zoo.report.plain import count, items, number, numbers, table, text

MOST_LAYERS = 1000
NOTHING = (math.nan,) * QUANTILES
NUMBERS = (
    *("mean", "std", "zeros", "dead", "saturated"),
    *("gradient", "weight", "weight_gradient", "update"),
)


@dataclass(frozen=True)
class Epoch:
    """A finished epoch; a figure that was not measured is NaN.

    Attributes:
        epoch, step: how many are finished.
        train_loss, val_loss: means.
        val_psnr: in dB.
        lr: the learning rate of its last step.
        seconds: that it took.
    """

    epoch: int
    step: int
    train_loss: float
    val_loss: float
    val_psnr: float
    lr: float
    seconds: float

    @classmethod
    def from_plain(cls, line: Mapping[str, Any]) -> Epoch | None:
        """What a line has; None where it is none."""
        if not count(line.get("epoch")):
            return None
        names = ("train_loss", "val_loss", "val_psnr", "lr", "seconds")
        return cls(
            count(line["epoch"]), count(line.get("step")), *(number(line.get(it)) for it in names)
        )


@dataclass(frozen=True)
class LayerFigures:
    """A layer's figures at one moment; NaN where there is nothing to measure.

    Attributes:
        layer: which.
        mean, std: of its output.
        zeros, dead, saturated: shares of its output's values, channels and values.
        gradient: root mean square of the gradient with respect to its output.
        weight, weight_gradient: of its parameters and of their gradients.
        update: of the optimizer's step, as a multiple of ``weight``.
        weights, gradients: quantiles of the weights and of their gradients.
    """

    layer: NamedLayer
    mean: float
    std: float
    zeros: float
    dead: float
    saturated: float
    gradient: float
    weight: float
    weight_gradient: float
    update: float
    weights: Sequence[float]
    gradients: Sequence[float]

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> LayerFigures:
        """What a line has of a layer."""
        return cls(
            NamedLayer(
                text(plain.get("name"), 60) or "?",
                text(plain.get("type"), 60) or "?",
                text(plain.get("file")),
                count(plain.get("line")),
                count(plain.get("column")),
            ),
            **{name: number(plain.get(name)) for name in NUMBERS},
            weights=_quantiles(plain.get("weight_quantiles")),
            gradients=_quantiles(plain.get("gradient_quantiles")),
        )


def _quantiles(value: Any) -> Sequence[float]:
    found = numbers(value, QUANTILES)
    return found if len(found) == QUANTILES and list(found) == sorted(found) else NOTHING


@dataclass(frozen=True)
class Moment:
    """All layers' figures after an epoch, or at the start, whose ``epoch`` is 0."""

    epoch: int
    step: int
    lr: float
    layers: Sequence[LayerFigures]

    @classmethod
    def from_plain(cls, line: Mapping[str, Any]) -> Moment | None:
        """What a line has; None where it is none."""
        layers = items(line.get("layers"), MOST_LAYERS)
        if not layers or type(line.get("epoch")) is not int:
            return None
        figures = tuple(LayerFigures.from_plain(table(layer)) for layer in layers)
        return cls(count(line["epoch"]), count(line.get("step")), number(line.get("lr")), figures)
