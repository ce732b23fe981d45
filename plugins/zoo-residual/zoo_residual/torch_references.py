"""The layer that ``torch.nn`` has not, as one writes it there.

``zoo export`` copies its class into files that need torch only.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoo.nn import Module
from zoo_residual.residual import Residual

ReferenceOf = Callable[[Module], torch.nn.Module]


def residual(layer: Residual, reference_of: ReferenceOf) -> torch.nn.Module:
    """x plus or minus what the body's reference makes of it; torch has no layer for that."""
    return TorchResidual(reference_of(layer.body), layer.factor)


class TorchResidual(torch.nn.Module):
    """``Residual`` in torch."""

    def __init__(self, body: torch.nn.Module, factor: float) -> None:
        super().__init__()
        self.body = body
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        return torch.add(x, self.body(x), alpha=self.factor)
