"""Pixels to channels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from zoo.nn import Module
from zoo.spec.arguments import positive_int
from zoo_residual.shapes import unshuffled


class PixelUnshuffle(Module):
    """The numbers of each block of r x r pixels, as r^2 channels. No parameters.

    forward:  y[.., r^2 c + r a + b, i, j] = x[.., c, r i + a, r j + b]   for a, b < r
    backward: the same numbers of grad_y back in their places

    Args:
        downscale_factor: r.

    Shapes:
        x: (N, C, r H, r W) or (C, r H, r W). y: (N, C r^2, H, W) or (C r^2, H, W).

    Raises:
        ArgumentError: the factor is not a positive integer.
        ShapeError: x has another number of axes, or its height or width is no multiple of r.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html
    """

    batch_independent = True

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = positive_int("PixelUnshuffle", "downscale_factor", downscale_factor)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, r H, r W) -> (N, C r^2, H, W); also without N."""
        y_shape = self.output_shape_of(x)
        self.save(x.shape, y_shape)
        r, (height, width) = self.downscale_factor, y_shape[-2:]
        blocks = x.reshape(*x.shape[:-2], height, r, width, r)  # .., C, H, r, W, r
        parts = blocks.movedim((-3, -1), (-4, -3))  # .., C, r, r, H, W
        return parts.reshape(y_shape)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, C r^2, H, W) -> (N, C, r H, r W); also without N."""
        x_shape, y_shape = self.saved()
        self.require_gradient_shape(grad_y, y_shape)
        r = self.downscale_factor
        parts = grad_y.reshape(*x_shape[:-2], r, r, *y_shape[-2:])  # .., C, r, r, H, W
        return parts.movedim((-4, -3), (-3, -1)).reshape(x_shape)  # from .., C, H, r, W, r

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(C, r H, r W) -> (C r^2, H, W)."""
        return unshuffled("PixelUnshuffle", input_shape, self.downscale_factor)
