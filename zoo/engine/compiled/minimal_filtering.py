"""Convolutions by minimal filtering: a block of tiles at a time, in the core's cache.

:mod:`zoo.engine.conv.minimal_filtering` derives what is computed here. All images have the channels
of a pixel side by side; other distances, in bytes, are given: ``x_image`` from image to image,
``x_row`` and ``x_pixel``. Tiles are counted through all images, row by row. There are ``taps`` taps
along each axis, 2 or 3, and a tile has ``side`` pixels of the output along each: 2, or 4 of three
taps.
"""

from __future__ import annotations

from numba import float32

from zoo.engine.compiled import large_tiles_of_3 as large_of_3
from zoo.engine.compiled import tiles_of_2 as of_2
from zoo.engine.compiled import tiles_of_3 as of_3
from zoo.engine.compiled.build import argument_names, inlined, kernel
from zoo.engine.compiled.product import MULTIPLE, multiply
from zoo.engine.compiled.vector import (
    BYTES,
    LANES,
    integers,
    load,
    load_first,
    splat,
    store,
    store_first,
)

# Bytes between planes, beside their lines: so numbers of different planes, which one transform
# reads or writes together, are not in the same few lines of a cache.
APART = 320
# The same between tiles that have their planes side by side.
BETWEEN = 64
# Bytes of the tiles that a block has in the cache, transformed; measured with 2 MiB a core.
BLOCK_BYTES = 3 * 2**17
MOST_AT_ONCE = 192  # tiles of a block


def whole(channels: int) -> int:
    """Bytes of a line of so many channels, whole vectors."""
    return (channels + LANES - 1) // LANES * BYTES


def planes_of(taps: int, side: int) -> int:
    """How many numbers a transformed tile has, for each channel."""
    return (taps + side - 1) * (taps + side - 1)


def tiles_at_once(taps: int, side: int, inputs: int, outputs: int) -> int:
    """How many tiles of a block."""
    of_tile = planes_of(taps, side) * (whole(inputs) + whole(outputs))
    fitting = BLOCK_BYTES // of_tile // MULTIPLE * MULTIPLE
    return max(MULTIPLE, min(fitting, MOST_AT_ONCE))


def tiles_of_image(side: int, height: int, width: int) -> int:
    """How many tiles an output of that size has."""
    return -(-height // side) * -(-width // side)


def products(taps: int, side: int, tiles: int, inputs: int, outputs: int) -> int:
    """How many multiplications so many tiles take."""
    return tiles * planes_of(taps, side) * inputs * outputs


def scratch_of_convolve(taps: int, side: int, inputs: int, outputs: int, at_once: int) -> int:
    """Bytes that ``convolve`` needs for itself."""
    lines = inputs * whole(outputs) + at_once * (whole(inputs) + whole(outputs))
    return planes_of(taps, side) * (lines + APART + whole(inputs)) + 2 * at_once * BETWEEN


def scratch_of_gradient(taps: int, side: int, inputs: int, outputs: int, at_once: int) -> int:
    """Bytes that ``gradient_of_weight`` needs for itself."""
    lines = (inputs + MULTIPLE) * whole(outputs) + at_once * (whole(inputs) + whole(outputs))
    return planes_of(taps, side) * (lines + 3 * APART + whole(inputs)) + BYTES * MULTIPLE


bytes_of_line, planes_of_tile = inlined(whole), inlined(planes_of)


@inlined
def place(side, tile, across, of_image_tiles):
    """(image, row, column) of a tile's first output pixel."""
    image = tile // of_image_tiles
    rest = tile - image * of_image_tiles
    row = rest // across
    return image, side * row, side * (rest - row * across)


@inlined
def gather_inputs(
    taps, side, x, x_image, x_row, x_pixel, height, width, channels, top, left,
    first, count, across, of_image_tiles, v, v_plane, v_row, patch,
):  # fmt: skip
    """Transform the inputs of some tiles; what lies outside the image is zero."""
    size = taps + side - 1
    pixel = bytes_of_line(channels)
    for t in range(count):
        image, row, column = place(side, first + t, across, of_image_tiles)
        row -= top
        column -= left
        start = x + image * x_image
        if 0 <= row <= height - size and 0 <= column <= width - size:
            start += row * x_row + column * x_pixel
            down, right = x_row, x_pixel
        else:
            copy_patch(
                size, start, x_row, x_pixel, height, width, channels, row, column, patch, pixel
            )
            start, down, right = patch, size * pixel, pixel
        if side == 4:
            large_of_3.transform_input(start, down, right, v + t * v_row, v_plane, channels)
        elif taps == 3:
            of_3.transform_input(start, down, right, v + t * v_row, v_plane, channels)
        else:
            of_2.transform_input(start, down, right, v + t * v_row, v_plane, channels)


@inlined
def copy_patch(size, x, x_row, x_pixel, height, width, channels, row, column, patch, pixel):
    """The pixels of a tile at the border, with zeros around the image."""
    for i in range(size):
        for j in range(size):
            inside = 0 <= row + i < height and 0 <= column + j < width
            start = x + (row + i) * x_row + (column + j) * x_pixel
            for c in range(0, channels, LANES):
                left = channels - c if inside else 0
                store(patch + (size * i + j) * pixel + 4 * c, load_first(start + 4 * c, left))


@inlined
def add_sums(lines, line, count, channels, sums, add):
    """The sum of some lines, added to what is there if asked."""
    for c in range(0, channels, LANES):
        left = channels - c
        total = splat(float32(0))
        for t in range(count):
            total += load(lines + t * line + 4 * c)
        if add:
            total += load_first(sums + 4 * c, left)
        store_first(sums + 4 * c, total, left)


@inlined
def convolve_once(
    taps, side, x, x_image, x_row, x_pixel, height, width, inputs,
    weight, tap_row, tap, line, bias,
    y, y_image, y_row, y_pixel, y_height, y_width, outputs,
    top, left, activation, slope, of, of_image, of_row, of_pixel,
    first_tile, last_tile, at_once, scratch,
):  # fmt: skip
    """y[v] = bias + sum over taps of x[v + tap - (top, left)] weight[tap], zeros around x.

    Args:
        weight, tap_row, tap, line: (taps, taps, inputs, outputs), the outputs side by side.
        activation, slope, of, of_image, of_row, of_pixel: see ``finish_pixels``.
        first_tile, last_tile: which tiles of y to compute, the last not included.
        at_once: tiles in a block, a multiple of ``MULTIPLE``.
        scratch: memory of ``scratch_of_convolve`` bytes.
    """
    planes = planes_of_tile(taps, side)
    u_row, v_plane, m_plane = bytes_of_line(outputs), bytes_of_line(inputs), bytes_of_line(outputs)
    u_plane = inputs * u_row + APART
    v_row, m_row = planes * v_plane + BETWEEN, planes * m_plane + BETWEEN
    u = scratch
    v = u + planes * u_plane
    m = v + at_once * v_row
    patch = m + at_once * m_row
    if side == 4:
        large_of_3.transform_weight(weight, tap_row, tap, line, inputs, outputs, u, u_plane, u_row)
    elif taps == 3:
        of_3.transform_weight(weight, tap_row, tap, line, inputs, outputs, u, u_plane, u_row)
    else:
        of_2.transform_weight(weight, tap_row, tap, line, inputs, outputs, u, u_plane, u_row)
    across = (y_width + side - 1) // side
    of_image_tiles = (y_height + side - 1) // side * across
    for first in range(first_tile, last_tile, at_once):
        count = min(at_once, last_tile - first)
        gather_inputs(
            taps, side, x, x_image, x_row, x_pixel, height, width, inputs, top, left,
            first, count, across, of_image_tiles, v, v_plane, v_row, patch,
        )  # fmt: skip
        rows = (count + MULTIPLE - 1) // MULTIPLE * MULTIPLE
        for at in range(v + count * v_row, v + rows * v_row, BYTES):
            store(at, splat(float32(0)))
        for plane in range(planes):
            multiply(
                m + plane * m_plane, m_row, v + plane * v_plane, v_row, 4,
                u + plane * u_plane, u_row, count, outputs, inputs, False,
            )  # fmt: skip
        for t in range(count):
            image, row, column = place(side, first + t, across, of_image_tiles)
            start = y + image * y_image + row * y_row + column * y_pixel
            output = of + image * of_image + row * of_row + column * of_pixel
            if side == 4:
                large_of_3.transform_output(
                    m + t * m_row, m_plane, outputs, bias, start, y_row, y_pixel,
                    y_height - row, y_width - column, activation, slope, output, of_row, of_pixel,
                )  # fmt: skip
            elif taps == 3:
                of_3.transform_output(
                    m + t * m_row, m_plane, outputs, bias, start, y_row, y_pixel,
                    y_height - row, y_width - column, activation, slope, output, of_row, of_pixel,
                )  # fmt: skip
            else:
                of_2.transform_output(
                    m + t * m_row, m_plane, outputs, bias, start, y_row, y_pixel,
                    y_height - row, y_width - column, activation, slope, output, of_row, of_pixel,
                )  # fmt: skip


@inlined
def gradient_of_weight_once(
    taps, side, x, x_image, x_row, x_pixel, height, width, inputs,
    dy, dy_image, dy_row, dy_pixel, dy_height, dy_width, outputs, images,
    top, left, dw, tap_row, tap, line, add, db, add_db, at_once, scratch,
):  # fmt: skip
    """dw[tap] = sum over v of x[v + tap - (top, left)] dy[v]^T, added to what is there if asked.

    The sum over tiles is one of matrix products in the transformed domain; it is transformed once.

    Args:
        dw, tap_row, tap, line: (taps, taps, inputs, outputs), the outputs side by side.
        db, add_db: where the sum over v of dy[v] goes, 0 for nowhere; whether it is added to what
            is there.
        at_once: tiles in a block.
        scratch: memory of ``scratch_of_gradient`` bytes.
    """
    planes = planes_of_tile(taps, side)
    z_row, v_row = bytes_of_line(outputs), bytes_of_line(inputs)
    s_rows = (inputs + MULTIPLE - 1) // MULTIPLE * MULTIPLE
    s_plane = s_rows * z_row + APART
    v_plane, z_plane = at_once * v_row + APART, at_once * z_row + APART
    s = scratch
    v = s + planes * s_plane
    z = v + planes * v_plane + BYTES * MULTIPLE
    patch = z + planes * z_plane
    across = (dy_width + side - 1) // side
    of_image_tiles = (dy_height + side - 1) // side * across
    last_tile = images * of_image_tiles
    for first in range(0, last_tile, at_once):
        count = min(at_once, last_tile - first)
        gather_inputs(
            taps, side, x, x_image, x_row, x_pixel, height, width, inputs, top, left,
            first, count, across, of_image_tiles, v, v_plane, v_row, patch,
        )  # fmt: skip
        for t in range(count):
            image, row, column = place(side, first + t, across, of_image_tiles)
            start = dy + image * dy_image + row * dy_row + column * dy_pixel
            rows, columns, line_of_z = dy_height - row, dy_width - column, z + t * z_row
            if taps == 3:
                of_3.transform_gradient(
                    start, dy_row, dy_pixel, line_of_z, z_plane, outputs, rows, columns
                )
            else:
                of_2.transform_gradient(
                    start, dy_row, dy_pixel, line_of_z, z_plane, outputs, rows, columns
                )
        if db != 0:
            add_sums(z + (taps + 2) * z_plane, z_row, count, outputs, db, add_db or first > 0)
        for plane in range(planes):
            multiply(
                s + plane * s_plane, z_row, v + plane * v_plane, 4, v_row,
                z + plane * z_plane, z_row, inputs, outputs, count, first > 0,
            )  # fmt: skip
    if taps == 3:
        of_3.weight_gradient(s, s_plane, z_row, inputs, outputs, dw, tap_row, tap, line, add)
    else:
        of_2.weight_gradient(s, s_plane, z_row, inputs, outputs, dw, tap_row, tap, line, add)


CONVOLVE, GRADIENT_OF_WEIGHT = (
    argument_names(convolve_once),
    argument_names(gradient_of_weight_once),
)
OF_CONVOLVE, OF_GRADIENT_OF_WEIGHT = len(CONVOLVE), len(GRADIENT_OF_WEIGHT)


@kernel(CONVOLVE)
def convolve(calls, count):
    """``convolve_once`` for each line of a table of arguments."""
    for call in range(count):
        convolve_once(*integers(calls + 8 * OF_CONVOLVE * call, OF_CONVOLVE))


@kernel(GRADIENT_OF_WEIGHT)
def gradient_of_weight(calls, count):
    """``gradient_of_weight_once`` for each line of a table of arguments."""
    for call in range(count):
        gradient_of_weight_once(
            *integers(calls + 8 * OF_GRADIENT_OF_WEIGHT * call, OF_GRADIENT_OF_WEIGHT)
        )
