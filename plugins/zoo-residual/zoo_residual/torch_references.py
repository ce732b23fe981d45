"""The same layers in ``torch.nn``, for ``zoo bench`` to compare with."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoo.nn import Module
from zoo_residual.batch_norm2d import BatchNorm2d
from zoo_residual.gelu import GELU
from zoo_residual.pixel_shuffle import PixelShuffle
from zoo_residual.pixel_unshuffle import PixelUnshuffle
from zoo_residual.prelu import PReLU
from zoo_residual.residual import Residual

TwinOf = Callable[[Module], torch.nn.Module]


def residual(layer: Residual, twin_of: TwinOf) -> torch.nn.Module:
    """x plus or minus what the body's twin makes of it; torch has no layer for that."""
    return TorchResidual(twin_of(layer.body), layer.factor)


def pixel_shuffle(layer: PixelShuffle, _: TwinOf) -> torch.nn.Module:
    """``torch.nn.PixelShuffle``."""
    return torch.nn.PixelShuffle(layer.upscale_factor)


def pixel_unshuffle(layer: PixelUnshuffle, _: TwinOf) -> torch.nn.Module:
    """``torch.nn.PixelUnshuffle``."""
    return torch.nn.PixelUnshuffle(layer.downscale_factor)


def batch_norm2d(layer: BatchNorm2d, _: TwinOf) -> torch.nn.Module:
    """``torch.nn.BatchNorm2d``."""
    return torch.nn.BatchNorm2d(
        layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats
    )


def prelu(layer: PReLU, _: TwinOf) -> torch.nn.Module:
    """``torch.nn.PReLU``."""
    return torch.nn.PReLU(layer.num_parameters)


def gelu(layer: GELU, _: TwinOf) -> torch.nn.Module:
    """``torch.nn.GELU``."""
    return torch.nn.GELU(layer.approximate)


class TorchResidual(torch.nn.Module):
    """``Residual`` in torch."""

    def __init__(self, body: torch.nn.Module, factor: float) -> None:
        super().__init__()
        self.body = body
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        return torch.add(x, self.body(x), alpha=self.factor)
