"""What the transforms of all tiles have in common: the end of a tile.

A tile is ``side`` x ``side`` pixels of the output. With t taps along each axis it needs as many
pixels of the input along each as it has planes, side + t - 1, of which it shares t - 1 with the
next one.
"""

from __future__ import annotations

from zoo.engine.compiled.build import inlined
from zoo.engine.compiled.vector import (
    load,
    load_first,
    number_of_bits,
    splat,
    store_first,
    where_negative,
    where_positive,
)


@inlined
def finish_pixels(
    pixels, distance, side, left, bias, offset,
    y, y_row, y_pixel, rows, columns, activation, slope, of, of_row, of_pixel,
):  # fmt: skip
    """Write some channels of a tile's pixels, through bias and activation.

    Args:
        pixels, distance: those channels of the first pixel, and bytes to the next one's.
        side: pixels of a row.
        left: how many channels there are from these on.
        bias: of a number for each channel; 0 for none.
        offset: bytes from the first channel to these.
        y, y_row, y_pixel: where the first pixel's first channel goes.
        rows, columns: how many the image has from that pixel on.
        activation: 0 for none; 1 for y where that is positive and slope y elsewhere; 2 for y where
            ``of`` is positive and slope y elsewhere: the gradient of such an activation; 3 for
            ``of`` + slope y.
        slope: the bits of a float64.
        of, of_row, of_pixel: the activation's output, or what is added to, at this tile.
    """
    b = load_first(bias + offset, left if bias != 0 else 0)
    s = splat(number_of_bits(slope))
    for i in range(min(side, rows)):
        for j in range(min(side, columns)):
            value = load(pixels + (side * i + j) * distance) + b
            at = of + offset + i * of_row + j * of_pixel
            if activation == 1:
                value = where_negative(value, value * s, value)
            elif activation == 2:
                value = where_positive(load_first(at, left), value, value * s)
            elif activation == 3:
                value = load_first(at, left) + value * s
            store_first(y + offset + i * y_row + j * y_pixel, value, left)


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
