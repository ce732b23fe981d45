"""Shape arithmetic that the layers and their shape rules share. No torch.

Shapes have no batch axis, sizes are (vertical, horizontal) pairs, and ``where`` is how a message
starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from zoo.errors import ArgumentError, ShapeError
from zoo.spec.arguments import pair
from zoo.spec.shapes import Pair, format_shape, image, window

Shape = tuple[int, ...]
Image = tuple[int, int, int]


@dataclass(frozen=True)
class Pooling:
    """A grid of windows on an image.

    Attributes:
        kernel: (kh, kw), the number of taps of a window along each axis.
        stride: pixels from one window to the next.
        padding: pixels added on both sides of each axis.
        dilation: pixels from one tap to the next.
    """

    kernel: Pair
    stride: Pair
    padding: Pair
    dilation: Pair

    @property
    def span(self) -> Pair:
        """Pixels from the first to the last tap of a window: d (k - 1) + 1."""
        return window(self.kernel, self.dilation)

    def padded(self, shape: Sequence[int]) -> Shape:
        """(.., H, W) with the padding added to H and W."""
        *leading, height, width = shape
        return *leading, height + 2 * self.padding[0], width + 2 * self.padding[1]

    def output(self, where: str, shape: Sequence[int]) -> Image:
        """(C, H, W) -> (C, Hout, Wout): floor((size + 2 padding - span) / stride) + 1.

        Raises:
            ShapeError: it is no image, or a window is larger than the padded image.
        """
        image(where, shape)
        channels, *padded = self.padded(shape)
        span = self.span
        if span[0] > padded[0] or span[1] > padded[1]:
            raise ShapeError(
                f"{where}: a window of {format_shape(span)} is larger than the padded input "
                f"{format_shape(padded)}. Use a smaller kernel or a larger input."
            )
        rows, columns = ((padded[a] - span[a]) // self.stride[a] + 1 for a in (0, 1))
        return channels, rows, columns


def pooling(where: str, kernel_size: Any, stride: Any, padding: Any, dilation: Any) -> Pooling:
    """The windows that a layer's arguments describe; a stride of None is the kernel's size.

    Raises:
        ArgumentError: impossible arguments.
    """
    kernel = pair(where, "kernel_size", kernel_size)
    windows = Pooling(
        kernel=kernel,
        stride=kernel if stride is None else pair(where, "stride", stride),
        padding=pair(where, "padding", padding, minimum=0),
        dilation=pair(where, "dilation", dilation),
    )
    if any(2 * p > k for p, k in zip(windows.padding, kernel, strict=True)):
        raise ArgumentError(
            f"{where}: padding is {format_shape(windows.padding)} with kernel "
            f"{format_shape(kernel)}. Use at most half of the kernel.",
            "padding",
        )
    return windows


def joined(where: str, output: Sequence[int], shape: Sequence[int]) -> Image:
    """The shape of a body's output and its input, put together along the channels.

    Raises:
        ShapeError: they have other heights or widths.
    """
    height, width = image(where, shape)
    _require_size(where, output, shape)
    return output[0] + shape[0], height, width


def extended(where: str, shape: Sequence[int], multiple: Pair) -> Image:
    """(C, H, W) -> the same with height and width rounded up to multiples.

    Raises:
        ShapeError: it is no image.
    """
    height, width = image(where, shape)
    return shape[0], height + -height % multiple[0], width + -width % multiple[1]


def cut_back(where: str, output: Sequence[int], inner: Image, shape: Sequence[int]) -> Image:
    """The shape of a body's output, cut to the size of ``shape``, which ``inner`` was made of.

    Raises:
        ShapeError: the output has another height or width than ``inner``, the body's input.
    """
    _require_size(where, output, inner)
    return output[0], shape[1], shape[2]


def _require_size(where: str, output: Sequence[int], inner: Sequence[int]) -> None:
    """Refuse a body that changes the height or width of its input."""
    if len(output) != 3 or tuple(output[1:]) != tuple(inner[1:]):
        raise ShapeError(
            f"{where}: the body gives {format_shape(output)} and its input is "
            f"{format_shape(inner)}. Use a body that gives back its input's height and width, or "
            "another size of input."
        )
