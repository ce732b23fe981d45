"""2-D max pooling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import inf

import torch
from torch import Tensor

from zoo.nn import Module, empty_preserving_format
from zoo.spec.shapes import Pair
from zoo_unet.shapes import pooling


class MaxPool2d(Module):
    """The largest value of each window of pixels, in each channel. No parameters.

    With x* the padded x, s the stride, d the dilation, and (a, b) the taps of a window::

        forward:  y[.., i, j] = max over a, b of x*[.., s i + d a, s j + d b]
        backward: grad_y[.., i, j] is added to grad_x at the pixel that was the largest

    The padding is -inf, so it is never the largest. Of several that are, the first in reading order
    has the whole gradient; not a number counts as larger than any. With a dilation a window may lie
    between the pixels, wholly in the padding: its y is -inf, and its gradient goes nowhere.

    Args:
        kernel_size: (kh, kw) or one integer for both, as for the next three.
        stride: step from one window to the next, in pixels; the kernel's size if None.
        padding: pixels added on both sides, at most half of the kernel.
        dilation: step from one tap to the next, in pixels.

    Shapes:
        x: (N, C, H, W) or (C, H, W). y: (N, C, Hout, Wout) or (C, Hout, Wout), with
        Hout = floor((H + 2 padding - dilation (kh - 1) - 1) / stride) + 1.

    Raises:
        ArgumentError: impossible arguments.
        ShapeError: x has another number of axes, or is smaller than a window.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html, without
    ``return_indices`` and ``ceil_mode``.
    """

    batch_independent = True

    def __init__(
        self,
        kernel_size: int | Pair,
        stride: int | Pair | None = None,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
    ) -> None:
        super().__init__()
        self.windows = pooling("MaxPool2d", kernel_size, stride, padding, dilation)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, Hout, Wout); also without N."""
        y_shape = self.output_shape_of(x)
        y, *others = self._taps(self._padded(x), y_shape[-2:])
        largest = torch.zeros_like(y, dtype=torch.float32)  # which tap; see _larger
        for tap, values in enumerate(others, 1):
            if self.training:
                largest = torch.maximum(largest, _larger(values, y).mul_(tap))
            y = torch.maximum(y, values)
        self.save(largest.to(torch.uint8 if len(others) < 256 else torch.int32), x.shape)
        return y

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, C, Hout, Wout) -> (N, C, H, W); also without N."""
        largest, x_shape = self.saved()
        self.require_gradient_shape(grad_y, largest.shape)
        grad_padded = empty_preserving_format(grad_y, self.windows.padded(x_shape)).zero_()
        largest = largest.to(torch.float32)
        # Windows may overlap, but the same tap of different windows never does.
        for tap, grad_values in enumerate(self._taps(grad_padded, largest.shape[-2:])):
            chosen = torch.eq(largest, tap, out=torch.empty_like(largest))
            grad_values.addcmul_(grad_y, chosen)
        return self._inside(grad_padded, x_shape)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(C, H, W) -> (C, Hout, Wout)."""
        return self.windows.output("MaxPool2d", input_shape)

    def _padded(self, x: Tensor) -> Tensor:
        """x with -inf around it; x itself where there is no padding."""
        if not any(self.windows.padding):
            return x
        padded = empty_preserving_format(x, self.windows.padded(x.shape)).fill_(-inf)
        self._inside(padded, x.shape).copy_(x)
        return padded

    def _taps(self, padded: Tensor, grid: Sequence[int]) -> Iterator[Tensor]:
        """Of each tap in reading order, its pixel in all windows: views (.., C, Hout, Wout)."""
        (sh, sw), (dh, dw) = self.windows.stride, self.windows.dilation
        rows, columns = (grid[0] - 1) * sh + 1, (grid[1] - 1) * sw + 1
        for a, b in product(*map(range, self.windows.kernel)):
            top, left = dh * a, dw * b
            yield padded[..., top : top + rows : sh, left : left + columns : sw]

    def _inside(self, padded: Tensor, x_shape: Sequence[int]) -> Tensor:
        """The part of a padded image that is x: a view."""
        top, left = self.windows.padding
        return padded[..., top : top + x_shape[-2], left : left + x_shape[-1]]


def _larger(values: Tensor, y: Tensor) -> Tensor:
    """1 where values > y or where they are not a number, 0 elsewhere.

    As numbers of float32, of which operations are many times faster than of truth values.
    """
    larger, mask = (torch.empty_like(y, dtype=torch.float32) for _ in range(2))
    torch.gt(values, y, out=larger)
    return larger.add_(torch.ne(values, values, out=mask))
