"""Shape arithmetic of the layers: from the size of an input to that of an output, without torch.

The layers' ``output_shape`` and their shape rules (:mod:`zoo.spec.shape_rules`) both use it; it is
also for plugins. Shapes have no batch axis, sizes are (vertical, horizontal) pairs, and ``where``
is how a message starts. The formulas are those of PyTorch's documentation of ``Conv2d`` and
``ConvTranspose2d``.
"""

from __future__ import annotations

from collections.abc import Sequence

from zoo.errors import ShapeError

Pair = tuple[int, int]
Sides = tuple[int, int, int, int]  # top, bottom, left, right, in pixels


def image(where: str, shape: Sequence[int], channels: int | None = None) -> Pair:
    """The size of an image (C, H, W).

    Raises:
        ShapeError: it has other axes, or not that many channels.
    """
    if len(shape) != 3:
        c = "C" if channels is None else channels
        raise ShapeError(
            f"{where}: the input is {tuple(shape)}. Use (N, {c}, H, W) or ({c}, H, W)."
        )
    if channels is not None and shape[0] != channels:
        raise ShapeError(
            f"{where}: expects {channels} channel{'s' * (channels != 1)}; the input has {shape[0]}."
        )
    return shape[1], shape[2]


def leading_axes(where: str, shape: Sequence[int], features: int) -> tuple[int, ...]:
    """All axes of a shape but the last, whose size is ``features``.

    Raises:
        ShapeError: it is not.
    """
    if not shape or shape[-1] != features:
        raise ShapeError(f"{where}: the input is {tuple(shape)}. Use (..., {features}).")
    return tuple(shape[:-1])


def window(kernel: Pair, dilation: Pair) -> Pair:
    """How many pixels a dilated kernel spans along each axis: d (k - 1) + 1."""
    return dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1


def repeated(size: Pair, factor: Pair) -> Pair:
    """Output size of nearest-neighbour upsampling."""
    return factor[0] * size[0], factor[1] * size[1]


def convolution(
    where: str, size: Pair, kernel: Pair, stride: Pair, padding: Sides, dilation: Pair
) -> Pair:
    """Output size of a convolution: floor((size + padding - window) / s) + 1.

    Raises:
        ShapeError: the dilated kernel is larger than the padded input.
    """
    top, bottom, left, right = padding
    padded = (top + size[0] + bottom, left + size[1] + right)
    span = window(kernel, dilation)
    if span[0] > padded[0] or span[1] > padded[1]:
        dilated = " (with dilation)" if dilation != (1, 1) else ""
        raise ShapeError(
            f"{where}: kernel {format_shape(span)}{dilated} is larger than the padded input "
            f"{format_shape(padded)}. Use a smaller kernel, more padding or a larger input."
        )
    return (padded[0] - span[0]) // stride[0] + 1, (padded[1] - span[1]) // stride[1] + 1


def transposed_convolution(
    where: str,
    size: Pair,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    output_padding: Pair,
    dilation: Pair,
) -> Pair:
    """Output size of a transposed convolution: (size - 1) s - 2 p + window + output_padding.

    Raises:
        ShapeError: the input is empty or the padding removes the whole output.
    """
    if min(size) < 1:
        raise ShapeError(f"{where}: the input is {format_shape(size)}. Use at least one pixel.")
    span = window(kernel, dilation)
    height, width = (
        (size[axis] - 1) * stride[axis] - 2 * padding[axis] + span[axis] + output_padding[axis]
        for axis in (0, 1)
    )
    if min(height, width) < 1:
        raise ShapeError(
            f"{where}: padding {format_shape(padding)} leaves an output of {height}x{width} from "
            f"an input of {format_shape(size)}. Use less padding or a larger input."
        )
    return height, width


def format_shape(shape: Sequence[int]) -> str:
    """A shape or a size as messages have it: ``3x32x32``."""
    return "x".join(map(str, shape))
