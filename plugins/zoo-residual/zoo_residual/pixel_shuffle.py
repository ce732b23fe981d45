"""Channels to pixels."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from zoo.nn import Module
from zoo.spec.arguments import positive_int
from zoo_residual.shapes import shuffled


class PixelShuffle(Module):
    """The numbers of r^2 channels side by side, as a block of r x r pixels. No parameters.

    forward:  y[.., c, r i + a, r j + b] = x[.., r^2 c + r a + b, i, j]   for a, b < r
    backward: the same numbers of grad_y back in their places

    Args:
        upscale_factor: r.

    Shapes:
        x: (N, C r^2, H, W) or (C r^2, H, W). y: (N, C, r H, r W) or (C, r H, r W).

    Raises:
        ArgumentError: the factor is not a positive integer.
        ShapeError: x has another number of axes, or its channels are no multiple of r^2.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html
    """

    batch_independent = True

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = positive_int("PixelShuffle", "upscale_factor", upscale_factor)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C r^2, H, W) -> (N, C, r H, r W); also without N."""
        y_shape = self.output_shape_of(x)
        self.save(x.shape, y_shape)
        r = self.upscale_factor
        parts = x.reshape(*y_shape[:-2], r, r, *x.shape[-2:])  # .., C, r, r, H, W
        blocks = parts.movedim((-4, -3), (-3, -1))  # .., C, H, r, W, r
        return blocks.reshape(y_shape)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, C, r H, r W) -> (N, C r^2, H, W); also without N."""
        x_shape, y_shape = self.saved()
        self.require_gradient_shape(grad_y, y_shape)
        r, (height, width) = self.upscale_factor, x_shape[-2:]
        blocks = grad_y.reshape(*y_shape[:-2], height, r, width, r)  # .., C, H, r, W, r
        return blocks.movedim((-3, -1), (-4, -3)).reshape(x_shape)  # from .., C, r, r, H, W

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(C r^2, H, W) -> (C, r H, r W)."""
        return shuffled("PixelShuffle", input_shape, self.upscale_factor)
