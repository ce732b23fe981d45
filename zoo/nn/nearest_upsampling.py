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
        return repeat_pixels(x, self.scale_factor).view(*x.shape[:-3], *y_shape)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, C, sh H, sw W) -> (N, C, H, W); also without N."""
        (x_shape,) = self.saved()
        self.require_gradient_shape(grad_y, (*x_shape[:-3], *self.output_shape(x_shape[-3:])))
        return sum_blocks(grad_y, self.scale_factor)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(C, H, W) -> (C, sh H, sw W)."""
        size = image("NearestUpsampling", input_shape)
        return (input_shape[0], *repeated(size, self.scale_factor))


def repeat_pixels(image: Tensor, times: Pair) -> Tensor:
    """(..., H, W) -> (..., sh H, sw W): each pixel in a block."""
    *leading, height, width = image.shape
    blocks = image[..., :, None, :, None].expand(*leading, height, times[0], width, times[1])
    return blocks.reshape(*leading, times[0] * height, times[1] * width)


def sum_blocks(image: Tensor, size: Pair) -> Tensor:
    """(..., sh H, sw W) -> (..., H, W): the sum of each block of pixels."""
    *leading, height, width = image.shape
    blocks = image.reshape(*leading, height // size[0], size[0], width // size[1], size[1])
    return blocks.sum((-3, -1))
