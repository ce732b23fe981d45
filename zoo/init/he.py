"""Initial values that keep the variance of a signal through ReLU layers (He, also Kaiming)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from zoo.errors import ArgumentError
from zoo.spec.arguments import number

Mode = Literal["fan_in", "fan_out"]


@dataclass(frozen=True)
class HeNormal:
    """Normal values: N(0, std²) with std² = 2 / ((1 + negative_slope²) fan).

    A ReLU halves the mean square of a symmetric signal; the 2 makes up for it, so that the variance
    neither grows nor shrinks from layer to layer. Report R4 draws from N(0, 2/N) with N = k Cout;
    here N is one of the usual fans, which count both sides of the kernel. Values are those of
    ``torch.nn.init.kaiming_normal_``.

    Args:
        mode: "fan_in" keeps the variance of the outputs in the forward pass, "fan_out" that of the
            gradients in the backward pass.
        negative_slope: slope of the leaky ReLU that follows, for negative inputs; 0 for a ReLU.

    Raises:
        ArgumentError: another mode, or a slope that is not a finite number.

    Source: He et al., Delving Deep into Rectifiers, 2015, https://arxiv.org/abs/1502.01852,
        equations 10, 14 and 15.
    """

    mode: Mode = "fan_in"
    negative_slope: float = 0.0

    def __post_init__(self) -> None:
        _check("HeNormal", self.mode, self.negative_slope)

    def __call__(
        self, value: Tensor, *, fan_in: int, fan_out: int, generator: torch.Generator | None = None
    ) -> None:
        """Fill ``value``; with zeros if the fan is 0."""
        std = he_std(fan_in if self.mode == "fan_in" else fan_out, self.negative_slope)
        value.normal_(0.0, std, generator=generator)


@dataclass(frozen=True)
class HeUniform:
    """Uniform values of the same variance: U(-b, b) with b² = 6 / ((1 + negative_slope²) fan).

    The variance of U(-b, b) is b²/3. Arguments, errors and source are those of
    :class:`HeNormal`; values are those of ``torch.nn.init.kaiming_uniform_``.
    """

    mode: Mode = "fan_in"
    negative_slope: float = 0.0

    def __post_init__(self) -> None:
        _check("HeUniform", self.mode, self.negative_slope)

    def __call__(
        self, value: Tensor, *, fan_in: int, fan_out: int, generator: torch.Generator | None = None
    ) -> None:
        """Fill ``value``; with zeros if the fan is 0."""
        std = he_std(fan_in if self.mode == "fan_in" else fan_out, self.negative_slope)
        bound = math.sqrt(3.0) * std
        value.uniform_(-bound, bound, generator=generator)


def he_std(fan: int, negative_slope: float) -> float:
    """sqrt(2 / ((1 + negative_slope²) fan)), or 0 without a fan; rounded as torch.nn.init does."""
    return math.sqrt(2.0 / (1 + negative_slope**2)) / math.sqrt(fan) if fan else 0.0


def _check(where: str, mode: str, negative_slope: float) -> None:
    if mode not in get_args(Mode):
        raise ArgumentError(f"{where}: mode is {mode!r}. Use 'fan_in' or 'fan_out'.")
    number(where, "negative_slope", negative_slope)
