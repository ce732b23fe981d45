"""The layer that ``torch.nn`` has not, as one writes it there.

``zoo export`` copies its class into files that need torch only.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoo.nn import Module
from zoo_residual.residual import Residual as ZooResidual

ReferenceOf = Callable[[Module], torch.nn.Module]


def residual(layer: ZooResidual, reference_of: ReferenceOf) -> torch.nn.Module:
    """x plus or minus what the body's reference makes of it; torch has no layer for that."""
    return Residual(reference_of(layer.body), layer.factor)


class Residual(torch.nn.Module):
    """x plus a multiple of what the body makes of it."""

    def __init__(self, body: torch.nn.Module, factor: float) -> None:
        super().__init__()
        self.body = body
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        return torch.add(x, self.body(x), alpha=self.factor)
