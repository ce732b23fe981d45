"""What the transforms of all tiles have in common: the sizes of a tile, and its end.

A tile is ``STEP`` x ``STEP`` pixels of the output. With t taps along each axis it needs t + 1 x
t + 1 pixels of the input, of which it shares t - 1 with the next one, and has as many planes.
"""

from __future__ import annotations

from zoo.engine.compiled.build import inlined
from zoo.engine.compiled.vector import (
    load_first,
    number_of_bits,
    splat,
    store_first,
    where_negative,
    where_positive,
)

STEP = 2


@inlined
def write(out, value, left, activation, slope, of):
    """Write a pixel, after the gradient of an activation, or a sum, if that is asked for."""
    if activation == 2:
        value = where_positive(load_first(of, left), value, value * slope)
    elif activation == 3:
        value = load_first(of, left) + value * slope
    store_first(out, value, left)


@inlined
def finish_output(
    y00, y01, y10, y11, left, bias, offset,
    y, y_row, y_pixel, rows, columns, activation, slope, of, of_row, of_pixel,
):  # fmt: skip
    """Write the pixels of a tile whose first goes to ``y``, through bias and activation.

    Args:
        y00, y01, y10, y11: some channels of each.
        left: how many channels there are from these on.
        bias: of a number for each channel; 0 for none.
        offset: bytes from the first channel to these.
        rows, columns: how many of its 2 x 2 pixels the image has.
        activation: 0 for none; 1 for y where that is positive and slope y elsewhere; 2 for y where
            ``of`` is positive and slope y elsewhere: the gradient of such an activation; 3 for
            ``of`` + slope y.
        slope: the bits of a float64.
        of, of_row, of_pixel: the activation's output, or what is added to, at this tile.
    """
    if bias != 0:
        b = load_first(bias + offset, left)
        y00 += b
        y01 += b
        y10 += b
        y11 += b
    s = splat(number_of_bits(slope))
    if activation == 1:
        y00 = where_negative(y00, y00 * s, y00)
        y01 = where_negative(y01, y01 * s, y01)
        y10 = where_negative(y10, y10 * s, y10)
        y11 = where_negative(y11, y11 * s, y11)
    out, at = y + offset, of + offset
    write(out, y00, left, activation, s, at)
    if columns > 1:
        write(out + y_pixel, y01, left, activation, s, at + of_pixel)
    if rows > 1:
        write(out + y_row, y10, left, activation, s, at + of_row)
        if columns > 1:
            write(out + y_row + y_pixel, y11, left, activation, s, at + of_row + of_pixel)


@inlined
def load_tile(dy, dy_row, dy_pixel, left, rows, columns):
    """The 2 x 2 pixels of a tile; zeros for those that the image lacks."""
    right = left if columns > 1 else 0
    below, across = (left, right) if rows > 1 else (0, 0)
    return (
        load_first(dy, left),
        load_first(dy + dy_pixel, right),
        load_first(dy + dy_row, below),
        load_first(dy + dy_row + dy_pixel, across),
    )


@inlined
def add_to(out, value, left, add):
    """Write a vector, or add it to what is there."""
    if add:
        value = load_first(out, left) + value
    store_first(out, value, left)
