"""Inference in parts: bands of rows of large images, slices of large batches.

In its layout a map takes several times the memory of its two images. Nothing of that is kept for a
backward pass in evaluation mode, so the output is filled part by part: as long as a part is small,
what a layer takes beside its input and output is bounded, whatever the size of the image.

A band is a map like any other, of fewer rows and with other offsets. Along the rows::

    low[v] and high[u] are connected by tap t if u = s v + e_t

so rows v0 + v of low and u0 + u of high, counted anew from v0 and u0, are connected if
u = s v + e_t + s v0 - u0. All rows that are connected to the band's own are in it, and its sums are
those of the whole image.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import Tensor

from zoo.nn.fast.axis import Axis
from zoo.nn.fast.implicit import Implicit
from zoo.nn.fast.operators import Expansion, Reduction
from zoo.nn.fast.planes import Planes
from zoo.nn.fast.rows import Rows
from zoo.nn.parameter import Parameter
from zoo.nn.write import Write, copy_rows

# Numbers in the layouts of a part: 16 MiB of float32. What makes less than two parts is left whole,
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


def forward_in_parts(
    operator: Reduction | Expansion,
    x: Tensor,
    weight: Parameter,
    bias: Parameter | None,
    write: Write = copy_rows,
) -> Tensor:
    """The output of ``operator.forward``, with little beside it in memory.

    Args:
        operator: what computes the whole.
        x, weight, bias, write: as ``operator.forward`` takes them.
    """
    form = operator.form
    if isinstance(form, Implicit):  # has no layouts
        return operator.forward(x, weight, bias, write)[0]
    each = _elements_of_row(form)
    if form.n * form.rows.low * each < 2 * ELEMENTS_AT_ONCE:
        return operator.forward(x, weight, bias, write)[0]
    images = min(form.n, max(1, ELEMENTS_AT_ONCE // (form.rows.low * each)))
    height = max(1, ELEMENTS_AT_ONCE // (images * each))
    y = _room(operator, x)
    part = operator
    for first in range(0, form.n, images):
        batch = slice(first, min(first + images, form.n))
        for band in bands(operator, height):
            part = _of_part(part, band.rows, batch.stop - batch.start)
            rows, _ = part.forward(x[batch, :, band.inputs], weight, bias, write)
            y[batch, :, band.outputs] = rows
    return y


def bands(operator: Reduction | Expansion, height: int) -> Iterator[Band]:
    """Bands that fill the operator's output, of at most ``height`` low rows or cells each."""
    if isinstance(operator, Reduction):
        return reduction_bands(operator.form.rows, height)
    return expansion_bands(operator.form.rows, height, operator.boxed)


def reduction_bands(rows: Axis, height: int) -> Iterator[Band]:
    """Bands of ``height`` low rows from top to bottom, and the high rows that each needs."""
    for first in range(0, rows.low, height):
        end = min(first + height, rows.low)
        start = rows.stride * first
        last = rows.stride * (end - 1) + rows.offsets[-1]
        high = _rows_within(rows.high, start + rows.offsets[0], last)
        offsets = tuple(offset + start - high.start for offset in rows.offsets)
        part = Axis(end - first, high.stop - high.start, rows.stride, offsets)
        yield Band(high, slice(first, end), part)


def expansion_bands(rows: Axis, height: int, boxed: bool = False) -> Iterator[Band]:
    """Bands of ``height`` cells of output rows from top to bottom, and the low rows they need.

    If ``boxed`` an output row is the sum of s high rows, of which the last reach below the band.
    """
    stride = rows.stride
    below = stride - 1 if boxed else 0
    for start in range(0, rows.high - below, height * stride):
        end = min(start + height * stride, rows.high - below)
        # Row v is connected with rows s v + offset, of which start .. end + below - 1 are needed.
        first = -((rows.offsets[-1] - start) // stride)
        low = _rows_within(rows.low, first, (end + below - 1 - rows.offsets[0]) // stride)
        offsets = tuple(offset + stride * low.start - start for offset in rows.offsets)
        part = Axis(low.stop - low.start, end + below - start, stride, offsets)
        yield Band(low, slice(start, end), part)


def _rows_within(size: int, first: int, last: int) -> slice:
    """Rows ``first`` to ``last`` as far as the image has them; the nearest one if it has none."""
    start = min(max(first, 0), size - 1)
    return slice(start, max(start, min(last, size - 1)) + 1)


def _elements_of_row(form: Rows | Planes) -> int:
    """About how many numbers the layouts of an image take for each low row."""
    copies = form.rows.stride * form.columns.stride  # high pixels of a low one
    if isinstance(form, Planes):
        copies = max(copies, len(form.rows.offsets) * len(form.columns.offsets))
    return form.columns.pitch * (form.low_channels + copies * form.high_channels)


def _of_part(operator: Reduction | Expansion, rows: Axis, n: int) -> Reduction | Expansion:
    """The operator for other rows and n images: the same one if it fits, as for inner bands."""
    form = replace(operator.form, rows=rows, n=n)
    return operator if form == operator.form else replace(operator, form=form)


def _room(operator: Reduction | Expansion, x: Tensor) -> Tensor:
    """An empty output (N, Cout, Hout, Wout), its channels side by side as the layouts have them."""
    form, rows, columns = operator.form, operator.form.rows, operator.form.columns
    if isinstance(operator, Reduction):
        return _channels_last(x, rows.low, form.n, columns.low, form.low_channels)
    height = rows.high - (rows.stride - 1 if operator.boxed else 0)
    width = columns.high - (columns.stride - 1 if operator.boxed else 0)
    if isinstance(form, Planes):
        return x.new_empty(form.n, form.high_channels, height, width)
    return _channels_last(x, height, form.n, width, form.high_channels)


def _channels_last(x: Tensor, height: int, n: int, width: int, channels: int) -> Tensor:
    return x.new_empty(height, n, width, channels).permute(1, 3, 0, 2)
