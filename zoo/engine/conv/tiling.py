"""Inference in tiles: bands of rows of large images, some images of large batches.

In its layout a map takes several times the memory of its two images. Nothing of that is kept for a
backward pass in evaluation mode, so the output is filled tile by tile: as long as a tile is small,
what a layer takes beside its input and output is bounded, whatever the size of the image.

A band is a map like any other, of fewer rows and with other offsets. Along the rows::

    coarse[v] and fine[u] are connected by tap t if u = s v + e_t

so rows v0 + v of the coarse and u0 + u of the fine grid, counted anew from v0 and u0, are connected
if u = s v + e_t + s v0 - u0. All rows that are connected to the band's own are in it, and its sums
are those of the whole image.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace

from torch import Tensor

from zoo.engine.conv.axis import Axis
from zoo.engine.conv.convolution import Convolution
from zoo.engine.conv.epilogue import Epilogue
from zoo.engine.conv.gemm_chw import GemmCHW
from zoo.engine.conv.kernel import ConvKernel, InputTransform, identity
from zoo.engine.conv.minimal_filtering import MinimalFiltering
from zoo.engine.conv.triton_conv import TritonConv
from zoo.nn.conv2d import Conv2d
from zoo.nn.parameter import Parameter

# Numbers in the layouts of a tile: 16 MiB of float32. What makes less than two tiles is left whole,
# a hundred images of 32x32 for one: cutting them up takes time and saves little.
ELEMENTS_AT_ONCE = 2**22


@dataclass(frozen=True)
class Band:
    """Some rows of the output.

    Attributes:
        inputs: the rows of the input that they need.
        outputs: the rows themselves.
        rows: the axis between the two.
    """

    inputs: slice
    outputs: slice
    rows: Axis


def forward_in_tiles(
    convolution: Convolution,
    x: Tensor,
    weight: Parameter,
    bias: Parameter | None,
    transform: InputTransform = identity,
    epilogue: Epilogue | None = None,
) -> Tensor:
    """The output of ``convolution.forward``, with little beside it in memory."""
    kernel = convolution.kernel
    row = _elements_of_row(kernel)
    whole = isinstance(kernel, TritonConv | MinimalFiltering)
    if whole or kernel.n * kernel.rows.coarse * row < 2 * ELEMENTS_AT_ONCE:
        return convolution.forward(x, weight, bias, transform, epilogue)[0]
    images = min(kernel.n, max(1, ELEMENTS_AT_ONCE // (kernel.rows.coarse * row)))
    height = max(1, ELEMENTS_AT_ONCE // (images * row))
    y = _empty_output(convolution, x)
    tile = convolution
    for first in range(0, kernel.n, images):
        batch = slice(first, min(first + images, kernel.n))
        for band in bands(convolution, height):
            tile = _resized(tile, band.rows, batch.stop - batch.start)
            rows, _ = tile.forward(x[batch, :, band.inputs], weight, bias, transform)
            y[batch, :, band.outputs] = rows
    return y


def bands(convolution: Convolution, height: int) -> Iterator[Band]:
    """Bands that fill the output, of at most ``height`` coarse rows or cells each."""
    rows = convolution.kernel.rows
    if convolution.transposed:
        return dgrad_bands(rows, height, convolution.upsampled)
    return fprop_bands(rows, height)


def fprop_bands(rows: Axis, height: int) -> Iterator[Band]:
    """Bands of ``height`` coarse rows from top to bottom, and the fine rows that each needs."""
    for first in range(0, rows.coarse, height):
        end = min(first + height, rows.coarse)
        start = rows.stride * first
        last = rows.stride * (end - 1) + rows.offsets[-1]
        fine = _rows_within(rows.fine, start + rows.offsets[0], last)
        offsets = tuple(offset + start - fine.start for offset in rows.offsets)
        band = Axis(end - first, fine.stop - fine.start, rows.stride, offsets)
        yield Band(fine, slice(first, end), band)


def dgrad_bands(rows: Axis, height: int, upsampled: bool = False) -> Iterator[Band]:
    """Bands of ``height`` cells of output rows from top to bottom, and the coarse rows they need.

    If ``upsampled`` an output row is the sum of s fine rows, of which the last are below the band.
    """
    stride = rows.stride
    below = stride - 1 if upsampled else 0
    for start in range(0, rows.fine - below, height * stride):
        end = min(start + height * stride, rows.fine - below)
        # Row v is connected with rows s v + offset, of which start .. end + below - 1 are needed.
        first = -((rows.offsets[-1] - start) // stride)
        coarse = _rows_within(rows.coarse, first, (end + below - 1 - rows.offsets[0]) // stride)
        offsets = tuple(offset + stride * coarse.start - start for offset in rows.offsets)
        band = Axis(coarse.stop - coarse.start, end + below - start, stride, offsets)
        yield Band(coarse, slice(start, end), band)


def conv2d_in_bands(layer: Conv2d, x: Tensor) -> Tensor:
    """The textbook layer's output for (N, Cin, H, W), whose columns may be too many at once."""
    channels, height, width = layer.output_shape(x.shape[1:])
    row = layer.in_channels * layer.weight.shape[2:].numel() * width  # elements of columns
    if len(x) * height * row < 2 * ELEMENTS_AT_ONCE:
        return layer.forward(x)
    y = x.new_empty(len(x), channels, height, width)
    top, _, left, right = layer.padding
    taps = range(-top, layer.dilation[0] * layer.kernel_size[0] - top, layer.dilation[0])
    rows = Axis(height, x.shape[2], layer.stride[0], tuple(taps))
    for band in fprop_bands(rows, max(1, ELEMENTS_AT_ONCE // row)):
        last = band.rows.stride * (band.rows.coarse - 1) + band.rows.offsets[-1]
        part = copy(layer)
        part.padding = (-band.rows.offsets[0], last - band.rows.fine + 1, left, right)
        for image, out in zip(x, y, strict=True):
            out[:, band.outputs] = part.forward(image[:, band.inputs])
    return y


def _rows_within(size: int, first: int, last: int) -> slice:
    """Rows ``first`` to ``last`` as far as the image has them; the nearest one if it has none."""
    start = min(max(first, 0), size - 1)
    return slice(start, max(start, min(last, size - 1)) + 1)


def _elements_of_row(kernel: ConvKernel) -> int:
    """About how many numbers the layouts of an image take for each coarse row."""
    copies = kernel.rows.stride * kernel.columns.stride  # fine pixels of a coarse one
    if isinstance(kernel, GemmCHW):
        copies = max(copies, len(kernel.rows.offsets) * len(kernel.columns.offsets))
    return kernel.columns.pitch * (kernel.coarse_channels + copies * kernel.fine_channels)


def _resized(convolution: Convolution, rows: Axis, n: int) -> Convolution:
    """The convolution for other rows and n images: the same one if it fits, as for inner bands."""
    kernel = replace(convolution.kernel, rows=rows, n=n)
    return convolution if kernel == convolution.kernel else replace(convolution, kernel=kernel)


def _empty_output(convolution: Convolution, x: Tensor) -> Tensor:
    """An empty output (N, Cout, Hout, Wout), its axes in the order that the kernel gives them."""
    kernel, (channels, height, width) = convolution.kernel, convolution.output_shape()
    if convolution.transposed and isinstance(kernel, GemmCHW):
        return x.new_empty(kernel.n, channels, height, width)
    return x.new_empty(height, kernel.n, width, channels).permute(1, 3, 0, 2)
