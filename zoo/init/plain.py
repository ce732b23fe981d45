"""Initial values that do not depend on the size of the layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.spec.arguments import number
from zoo.spec.constraints import low_and_high


@dataclass(frozen=True)
class Normal:
    """Normal values: N(mean, std²), as report R2 draws weights and biases.

    Args:
        mean: the mean.
        std: the standard deviation, >= 0.

    Raises:
        ArgumentError: an argument that is not a finite number, or a negative ``std``.
    """

    mean: float = 0.0
    std: float = 0.01

    def __post_init__(self) -> None:
        number("Normal", "mean", self.mean)
        number("Normal", "std", self.std, minimum=0)

    def __call__(
        self, value: Tensor, *, fan_in: int, fan_out: int, generator: torch.Generator | None = None
    ) -> None:
        """Fill ``value``; the fans are not used."""
        value.normal_(self.mean, self.std, generator=generator)


@dataclass(frozen=True)
class Uniform:
    """Uniform values: U(low, high).

    Args:
        low: the smallest value.
        high: the largest value, >= low.

    Raises:
        ArgumentError: an argument that is not a finite number, or ``low`` above ``high``.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        number("Uniform", "low", self.low)
        number("Uniform", "high", self.high)
        low_and_high("Uniform", {"low": self.low, "high": self.high})

    def __call__(
        self, value: Tensor, *, fan_in: int, fan_out: int, generator: torch.Generator | None = None
    ) -> None:
        """Fill ``value``; the fans are not used."""
        value.uniform_(self.low, self.high, generator=generator)


@dataclass(frozen=True)
class Constant:
    """The same value everywhere: report R4 compares 1.0 and 0.001 with He's values.

    In a weight it makes all channels of a layer compute, and learn, the same.

    Args:
        value: the value.

    Raises:
        ArgumentError: it is not a finite number.
    """

    value: float

    def __post_init__(self) -> None:
        number("Constant", "value", self.value)

    def __call__(
        self, value: Tensor, *, fan_in: int, fan_out: int, generator: torch.Generator | None = None
    ) -> None:
        """Fill ``value``; neither the fans nor the generator is used."""
        value.fill_(self.value)


@dataclass(frozen=True)
class Zeros:
    """Zero everywhere, a usual choice for biases."""

    def __call__(
        self, value: Tensor, *, fan_in: int, fan_out: int, generator: torch.Generator | None = None
    ) -> None:
        """Fill ``value``; neither the fans nor the generator is used."""
        value.zero_()
