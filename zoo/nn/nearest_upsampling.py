"""Nearest-neighbour upsampling."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from zoo.nn.memory_format import empty_preserving_format
from zoo.nn.module import Module
from zoo.spec.arguments import pair
from zoo.spec.shapes import Pair, image, repeated


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

    batch_independent = True

    def __init__(self, scale_factor: int | Pair) -> None:
        super().__init__()
        self.scale_factor = pair("NearestUpsampling", "scale_factor", scale_factor)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, sh H, sw W); also without N."""
        self.output_shape(x.shape[x.dim() == 4 :])
        self.save(x.shape)
        return repeat_pixels(x, self.scale_factor)

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
    y = empty_preserving_format(image, (*leading, times[0] * height, times[1] * width))
    fill_blocks(y, image, times)
    return y


def fill_blocks(y: Tensor, image: Tensor, times: Pair) -> None:
    """Write each pixel of an image (..., H, W) to a block of y (..., sh H, sw W)."""
    *leading, height, width = image.shape
    blocks = y.view(*leading, height, times[0], width, times[1])
    blocks.copy_(image[..., :, None, :, None])


def sum_blocks(image: Tensor, size: Pair) -> Tensor:
    """(..., sh H, sw W) -> (..., H, W): the sum of each block of pixels."""
    first, *others = (
        image[..., a :: size[0], b :: size[1]] for a in range(size[0]) for b in range(size[1])
    )
    if not others:
        return image
    total = first + others[0]
    for pixels in others[1:]:  # a sum over axes would gather the numbers of each block one by one
        total.add_(pixels)
    return total
