"""Nearest-neighbour upsampling."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from zoo.arguments import pair
from zoo.nn.module import Module
from zoo.shapes import Pair, image, repeated


class NearestUpsampling(Module):
    """Repeat each pixel in a block of sh x sw pixels. No parameters.

    forward:  y[.., sh i + a, sw j + b] = x[.., i, j]   for a < sh, b < sw
    backward: grad_x[.., i, j] = sum of grad_y over the block of (i, j)

    Args:
        scale_factor: (sh, sw) or one integer for both.

    Shapes:
        x: (N, C, H, W) or (C, H, W). y: (N, C, sh H, sw W) or (C, sh H, sw W).

    Raises:
        ArgumentError: the scale factor is not a positive integer or a pair of them.
        ShapeError: x has another number of axes.

    Source: torch.nn.Upsample(mode="nearest") with an integer scale factor.
    """

    def __init__(self, scale_factor: int | Pair) -> None:
        super().__init__()
        self.scale_factor = pair("NearestUpsampling", "scale_factor", scale_factor)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, sh H, sw W); also without N."""
        y_shape = self.output_shape(x.shape[x.dim() == 4 :])
        self.save(x.shape)
        sh, sw = self.scale_factor
        blocks = x[..., :, None, :, None].expand(*x.shape[:-1], sh, x.shape[-1], sw)
        return blocks.reshape(*x.shape[:-3], *y_shape)  # from .., C, H, sh, W, sw

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, C, sh H, sw W) -> (N, C, H, W); also without N."""
        (x_shape,) = self.saved()
        self.require_gradient_shape(grad_y, (*x_shape[:-3], *self.output_shape(x_shape[-3:])))
        sh, sw = self.scale_factor
        blocks = grad_y.reshape(*x_shape[:-1], sh, x_shape[-1], sw)  # .., C, H, sh, W, sw
        return blocks.sum((-3, -1))

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(C, H, W) -> (C, sh H, sw W)."""
        size = image("NearestUpsampling", input_shape)
        return (input_shape[0], *repeated(size, self.scale_factor))
