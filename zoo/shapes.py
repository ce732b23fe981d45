"""Shape arithmetic of the layers: from the size of an input to that of an output, without torch.

Sizes are (vertical, horizontal) pairs. The formulas are those of PyTorch's documentation of
``Conv2d`` and ``ConvTranspose2d``.
"""

from __future__ import annotations

from zoo.errors import ShapeError

Pair = tuple[int, int]


def window(kernel: Pair, dilation: Pair) -> Pair:
    """How many pixels a dilated kernel spans along each axis: d (k - 1) + 1."""
    return dilation[0] * (kernel[0] - 1) + 1, dilation[1] * (kernel[1] - 1) + 1


def convolution(layer: str, padded: Pair, kernel: Pair, stride: Pair, dilation: Pair) -> Pair:
    """Output size of a convolution over an input of size ``padded``: floor((p - window) / s) + 1.

    Raises:
        ShapeError: the dilated kernel is larger than the padded input.
    """
    span = window(kernel, dilation)
    if span[0] > padded[0] or span[1] > padded[1]:
        raise ShapeError(
            f"{layer}: kernel {_by(span)} (with dilation) is larger than the padded input "
            f"{_by(padded)}. Use a smaller kernel, more padding or a larger input."
        )
    return (padded[0] - span[0]) // stride[0] + 1, (padded[1] - span[1]) // stride[1] + 1


def transposed_convolution(
    layer: str,
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
        raise ShapeError(f"{layer}: the input is {_by(size)}. Use at least one pixel.")
    span = window(kernel, dilation)
    height, width = (
        (size[axis] - 1) * stride[axis] - 2 * padding[axis] + span[axis] + output_padding[axis]
        for axis in (0, 1)
    )
    if min(height, width) < 1:
        raise ShapeError(
            f"{layer}: padding {_by(padding)} leaves an output of {height}x{width} from an input "
            f"of {_by(size)}. Use less padding or a larger input."
        )
    return height, width


def _by(size: Pair) -> str:
    return f"{size[0]}x{size[1]}"
