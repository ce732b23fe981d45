"""What a noise is: the contract, and the parameters that are drawn anew for each copy."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from zoo.data.crops import Crops
from zoo.errors import ArgumentError
from zoo.spec.arguments import is_number
from zoo.spec.constraints import ascending_ranges


class Noisy(NamedTuple):
    """One noisy copy of a batch.

    ``image`` is (N, C, H, W) float32, never clipped or rounded: that would shift its mean, which is
    what a network trained on noisy targets learns. ``mask`` is (N, 1, H, W) of 0 and 1, the pixels
    that carry information; None for all of them.
    """

    image: Tensor
    mask: Tensor | None = None


class Noise(ABC):
    """How noisy copies of crops are drawn.

    Attributes:
        unbiased: whether the mean of copies is the clean image, of those pixels that a mask keeps:
            then a network that minimises the mean squared error to noisy targets learns it.
        masks: whether copies carry a mask.
        largest_block: the largest block size that :meth:`block_sizes` returns.
        on_device: whether :meth:`draw` computes on ``generator.device``, where the crops are; else
            it is only given a CPU's.
        simulated: whether it is added to clean pictures; else the pictures are noisy already.
    """

    unbiased: bool = True
    masks: bool = False
    on_device: bool = False
    largest_block: int = 1
    simulated: bool = True

    def block_sizes(self, n: int, generator: torch.Generator) -> Tensor:
        """For each of n images how many photograph pixels, along each axis, make an image pixel.

        (n,) int64, always on the CPU. Drawn once for all copies of an image, because it defines the
        clean image.
        """
        return torch.ones(n, dtype=torch.int64)

    @abstractmethod
    def draw(self, crops: Crops, generator: torch.Generator) -> Noisy:
        """One noisy copy of each crop, independent of the copies drawn before.

        Args:
            crops: of which ``clean`` is (N, C, H, W) float32, with black at 0 and white at 1; to be
                left as it is.
            generator: the only source of random numbers.
        """


@dataclass(frozen=True)
class Uniform:
    """A parameter that is drawn uniformly from [low, high] for each image of each copy."""

    low: float
    high: float

    def draw(self, n: int, generator: torch.Generator) -> Tensor:
        """(n, 1, 1, 1) float32 values on the generator's device."""
        uniform = torch.rand(n, 1, 1, 1, generator=generator, device=generator.device)
        return self.low + (self.high - self.low) * uniform


def split_at_black(clean: Tensor) -> tuple[Tensor, Tensor]:
    """Values of a picture from 0 on, which can be light, and those below; they add up to it."""
    light = clean.clamp(min=0)
    return light, clean - light


def uniform(
    where: str,
    name: str,
    value: float | Sequence[float],
    low: float,
    high: float = math.inf,
    *,
    above_low: bool = False,
) -> Uniform:
    """Check a number or [low, high] as an architecture file gives it.

    Args:
        where, name: the noise and its parameter, for the message.
        value: a number, or a pair of numbers in ascending order.
        low, high: the bounds of what is allowed, inclusive.
        above_low: whether ``low`` itself is not allowed.

    Raises:
        ArgumentError: ``value`` is something else.
    """
    ends = tuple(value) if isinstance(value, (list, tuple)) else (value, value)
    if (
        len(ends) != 2
        or not all(is_number(end, low, high) for end in ends)
        or (above_low and low in ends)
    ):
        bounds = f"{'>' if above_low else '>='} {low:g}"
        bounds += "" if high == math.inf else f" and <= {high:g}"
        raise ArgumentError(
            f"{where}: {name} is {value!r}. It is a number {bounds}, or two in ascending order."
        )
    ascending_ranges(where, {name: value})
    return Uniform(float(ends[0]), float(ends[1]))
