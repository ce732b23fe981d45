"""Nearest-neighbour upsampling that no convolution follows, written where it is wanted."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.engine.module import LoweredModule, Output
from zoo.nn.nearest_upsampling import NearestUpsampling, fill_blocks


class LoweredUpsampling(LoweredModule):
    """The layer, of which a neighbour may have the output in a part of a larger tensor.

    Args:
        layer: the textbook layer.
    """

    output_reusable = True
    defers = True
    batch_independent = True

    def __init__(self, layer: NearestUpsampling) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, sh H, sw W); also without N."""
        return self.layer.forward(x)

    def deferred_forward(self, x: Tensor) -> Output:
        """It holds x until that is done."""
        size = self.output_shape(x.shape[x.dim() == 4 :])[-2:]
        self.layer.save(x.shape)
        shape = torch.Size((*x.shape[:-2], *size))
        return Output(shape, x, lambda out: fill_blocks(out, x, self.layer.scale_factor))

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, C, sh H, sw W) -> (N, C, H, W); also without N."""
        return self.layer.backward(grad_y)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(C, H, W) -> (C, sh H, sw W)."""
        return self.layer.output_shape(input_shape)

    def clear_saved(self) -> None:
        """Drop what the latest ``forward`` kept."""
        self.layer.clear_saved()
