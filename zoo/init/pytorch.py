"""The initial values that PyTorch gives the weights and biases of its own layers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from zoo.init.he import he_std


@dataclass(frozen=True)
class PyTorch:
    """Uniform values: U(-b, b) with b = 1 / sqrt(fan_in), for weights and for biases.

    ``torch.nn`` fills its weights with ``kaiming_uniform_(weight, a=sqrt(5))``, which is the same::

        b² = 3 std² = 3 * 2 / ((1 + a²) fan_in) = 6 / (6 fan_in) = 1 / fan_in

    The computation takes that route, so that the weights of a layer are bit for bit those of a new
    ``torch.nn`` layer made under the same seed. For a bias torch computes 1 / sqrt(fan_in); the two
    results differ at most in the last bit of a float64, so float32 biases are the same too.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html, section Variables;
        report R1.
    """

    def __call__(
        self, value: Tensor, *, fan_in: int, fan_out: int, generator: torch.Generator | None = None
    ) -> None:
        """Fill ``value``; with zeros if ``fan_in`` is 0."""
        bound = math.sqrt(3.0) * he_std(fan_in, negative_slope=math.sqrt(5))
        value.uniform_(-bound, bound, generator=generator)


PYTORCH: Final = PyTorch()
"""What every layer uses unless it is told otherwise."""
