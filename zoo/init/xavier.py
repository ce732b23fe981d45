"""Initial values that keep the variance of a signal in both directions (Xavier, also Glorot)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.spec.arguments import number


@dataclass(frozen=True)
class XavierNormal:
    """Normal values: N(0, std²) with std² = gain² 2 / (fan_in + fan_out).

    1/fan_in would keep the variance of the outputs, 1/fan_out that of the gradients; this is the
    compromise for layers that are linear around 0, such as before a sigmoid. Values are those of
    ``torch.nn.init.xavier_normal_``.

    Args:
        gain: factor of the standard deviation, >= 0.

    Raises:
        ArgumentError: an impossible gain.

    Source: Glorot and Bengio, Understanding the difficulty of training deep feedforward neural
        networks, 2010, https://proceedings.mlr.press/v9/glorot10a.html, equations 12 and 16.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        number("XavierNormal", "gain", self.gain, minimum=0)

    def __call__(
        self, value: Tensor, *, fan_in: int, fan_out: int, generator: torch.Generator | None = None
    ) -> None:
        """Fill ``value``; with zeros if both fans are 0."""
        value.normal_(0.0, _std(self.gain, fan_in, fan_out), generator=generator)


@dataclass(frozen=True)
class XavierUniform:
    """Uniform values of the same variance: U(-b, b) with b² = gain² 6 / (fan_in + fan_out).

    The variance of U(-b, b) is b²/3. Arguments, errors and source are those of
    :class:`XavierNormal`; values are those of ``torch.nn.init.xavier_uniform_``.
    """

    gain: float = 1.0

    def __post_init__(self) -> None:
        number("XavierUniform", "gain", self.gain, minimum=0)

    def __call__(
        self, value: Tensor, *, fan_in: int, fan_out: int, generator: torch.Generator | None = None
    ) -> None:
        """Fill ``value``; with zeros if both fans are 0."""
        bound = math.sqrt(3.0) * _std(self.gain, fan_in, fan_out)
        value.uniform_(-bound, bound, generator=generator)


def _std(gain: float, fan_in: int, fan_out: int) -> float:
    total = fan_in + fan_out
    return gain * math.sqrt(2.0 / total) if total else 0.0
