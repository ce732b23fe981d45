"""Normal initial values without the far ones."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, sqrt

import torch
from torch import Tensor

from zoo.spec.arguments import number, positive
from zoo_descent.arguments import limits


@dataclass(frozen=True)
class TruncatedNormal:
    """Normal values N(mean, std²), of which only those from ``low`` to ``high`` are drawn.

    With F the distribution function of N(0, 1), and the limits a = (low - mean) / std and
    b = (high - mean) / std::

        value = mean + std F⁻¹(u)      with u drawn from U(F(a), F(b))

    A limit is a value, not a multiple of ``std``: with std 0.02 limits of -0.04 and 0.04 leave out
    what is more than two standard deviations away, and the default ones nothing. The deviation of
    the values is less than ``std``: 0.88 std with limits at two of them. Values are distributed as
    those of ``torch.nn.init.trunc_normal_``, but not the same ones.

    Args:
        mean: the mean before values are left out.
        std: the standard deviation before values are left out, > 0.
        low: the smallest value.
        high: the largest value, > low.

    Raises:
        ArgumentError: an argument that is not a finite number, ``std`` not above 0, ``low`` not
            below ``high``, or both more than 30 ``std`` to one side of the mean.

    Source: https://docs.pytorch.org/docs/stable/nn.init.html
    """

    mean: float = 0.0
    std: float = 1.0
    low: float = -2.0
    high: float = 2.0

    def __post_init__(self) -> None:
        number("TruncatedNormal", "mean", self.mean)
        positive("TruncatedNormal", "std", self.std)
        number("TruncatedNormal", "low", self.low)
        number("TruncatedNormal", "high", self.high)
        limits("TruncatedNormal", vars(self))

    def __call__(
        self, value: Tensor, *, fan_in: int, fan_out: int, generator: torch.Generator | None = None
    ) -> None:
        """Fill ``value``; the fans are not used."""
        low, high = (self.low - self.mean) / self.std, (self.high - self.mean) / self.std
        # F is exact near 0 and not near 1, so what lies above the mean is drawn below it.
        side = -1 if low > 0 else 1
        below, above = sorted((side * low, side * high))
        drawn = value.new_empty(value.shape, dtype=torch.float64)
        drawn.uniform_(_distribution(below), _distribution(above), generator=generator)
        value.copy_(torch.special.ndtri(drawn).mul_(side * self.std).add_(self.mean))
        value.clamp_(self.low, self.high)


def _distribution(x: float) -> float:
    """F(x): the probability of less than x under N(0, 1)."""
    return erfc(-x / sqrt(2)) / 2
