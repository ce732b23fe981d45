"""Convolutions of 3 x 3 taps by minimal filtering: a block of tiles at a time, in the core's cache.

:mod:`zoo.engine.conv.minimal_filtering` derives what is computed here. All images have the channels
of a pixel side by side; other distances, in bytes, are given: ``x_image`` from image to image,
``x_row`` and ``x_pixel``. Tiles are counted through all images, row by row.
"""

from __future__ import annotations

from numba import float32

from zoo.engine.compiled.build import inlined, kernel
from zoo.engine.compiled.product import (
    MULTIPLE,
    ROWS_OF_1,
    ROWS_OF_2,
    ROWS_OF_3,
    ROWS_OF_4,
    WIDEST,
    add_product,
)
from zoo.engine.compiled.tiles import (
    MIDDLE,
    PLANES,
    SIZE,
    STEP,
    transform_gradient,
    transform_input,
    transform_output,
    transform_weight,
    weight_gradient,
)
from zoo.engine.compiled.vector import (
    BYTES,
    LANES,
    load,
    load_first,
    splat,
    store,
    store_first,
)

# Bytes between planes, beside their lines: so numbers of different planes, which one transform
# reads or writes together, are not in the same few lines of a cache.
APART = 320
# Bytes of the tiles that a block has in the cache, transformed; measured with 2 MiB a core.
BLOCK_BYTES = 5 * 2**17
MOST_AT_ONCE = 192  # tiles of a block


def whole(channels: int) -> int:
    """Bytes of a line of so many channels, whole vectors."""
    return (channels + LANES - 1) // LANES * BYTES


def tiles_at_once(inputs: int, outputs: int) -> int:
    """How many tiles of a block."""
    fitting = BLOCK_BYTES // (PLANES * (whole(inputs) + whole(outputs))) // MULTIPLE * MULTIPLE
    return max(MULTIPLE, min(fitting, MOST_AT_ONCE))


def tiles_of_image(height: int, width: int) -> int:
    """How many tiles an output of that size has."""
    return -(-height // STEP) * -(-width // STEP)


def products(tiles: int, inputs: int, outputs: int) -> int:
    """How many multiplications so many tiles take."""
    return tiles * PLANES * inputs * outputs


def scratch_of_convolve(inputs: int, outputs: int, at_once: int) -> int:
    """Bytes that ``convolve`` needs for itself."""
    lines = inputs * whole(outputs) + at_once * (whole(inputs) + whole(outputs))
    return PLANES * (lines + 3 * APART + whole(inputs))


def scratch_of_gradient(inputs: int, outputs: int, at_once: int) -> int:
    """Bytes that ``gradient_of_weight`` needs for itself."""
    lines = (inputs + MULTIPLE) * whole(outputs) + at_once * (whole(inputs) + whole(outputs))
    return PLANES * (lines + 3 * APART + whole(inputs)) + BYTES * MULTIPLE


bytes_of_line = inlined(whole)


@inlined
def place(tile, across, of_image_tiles):
    """(image, row, column) of a tile's first output pixel."""
    image = tile // of_image_tiles
    rest = tile - image * of_image_tiles
    row = rest // across
    return image, STEP * row, STEP * (rest - row * across)


@inlined
def gather_inputs(
    x, x_image, x_row, x_pixel, height, width, channels, top, left,
    first, count, across, of_image_tiles, v, v_plane, v_row, patch,
):  # fmt: skip
    """Transform the inputs of some tiles; what lies outside the image is zero."""
    for t in range(count):
        image, row, column = place(first + t, across, of_image_tiles)
        row -= top
        column -= left
        start = x + image * x_image
        if 0 <= row <= height - SIZE and 0 <= column <= width - SIZE:
            start += row * x_row + column * x_pixel
            transform_input(start, x_row, x_pixel, v + t * v_row, v_plane, channels)
        else:
            copy_patch(start, x_row, x_pixel, height, width, channels, row, column, patch, v_row)
            transform_input(patch, SIZE * v_row, v_row, v + t * v_row, v_plane, channels)


@inlined
def copy_patch(x, x_row, x_pixel, height, width, channels, row, column, patch, pixel):
    """The pixels of a tile at the border, with zeros around the image."""
    for i in range(SIZE):
        for j in range(SIZE):
            inside = 0 <= row + i < height and 0 <= column + j < width
            start = x + (row + i) * x_row + (column + j) * x_pixel
            for c in range(0, channels, LANES):
                left = channels - c if inside else 0
                store(patch + (SIZE * i + j) * pixel + 4 * c, load_first(start + 4 * c, left))


@inlined
def multiply(
    total, total_row, left, left_row, left_step, right, right_row, rows, columns, k, add
):  # fmt: skip
    """total = left right, or total += left right; see ``add_product``.

    It computes whole vectors, and rows up to a multiple of how many the registers hold.
    """
    c = 0
    while c < columns:
        vectors = (columns - c + LANES - 1) // LANES
        at, to = right + 4 * c, total + 4 * c
        if WIDEST >= 4 and vectors >= 4 and vectors != 5 and vectors != 6 and vectors != 9:
            used = 4
            for i in range(0, rows, ROWS_OF_4):
                add_product(
                    ROWS_OF_4, 4, add, to + i * total_row, total_row,
                    left + i * left_row, left_row, left_step, at, right_row, k,
                )  # fmt: skip
        elif WIDEST >= 3 and vectors >= 3:
            used = 3
            for i in range(0, rows, ROWS_OF_3):
                add_product(
                    ROWS_OF_3, 3, add, to + i * total_row, total_row,
                    left + i * left_row, left_row, left_step, at, right_row, k,
                )  # fmt: skip
        elif vectors >= 2:
            used = 2
            for i in range(0, rows, ROWS_OF_2):
                add_product(
                    ROWS_OF_2, 2, add, to + i * total_row, total_row,
                    left + i * left_row, left_row, left_step, at, right_row, k,
                )  # fmt: skip
        else:
            used = 1
            for i in range(0, rows, ROWS_OF_1):
                add_product(
                    ROWS_OF_1, 1, add, to + i * total_row, total_row,
                    left + i * left_row, left_row, left_step, at, right_row, k,
                )  # fmt: skip
        c += used * LANES


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


@kernel
def convolve(
    x, x_image, x_row, x_pixel, height, width, inputs,
    weight, tap_row, tap, line, bias,
    y, y_image, y_row, y_pixel, y_height, y_width, outputs,
    top, left, activation, slope: float, of, of_image, of_row, of_pixel,
    first_tile, last_tile, at_once, scratch,
):  # fmt: skip
    """y[v] = bias + sum over taps of x[v + tap - (top, left)] weight[tap], zeros around x.

    Args:
        weight, tap_row, tap, line: (3, 3, inputs, outputs), the outputs side by side.
        activation, slope, of, of_image, of_row, of_pixel: see ``transform_output``.
        first_tile, last_tile: which tiles of y to compute, the last not included.
        at_once: tiles in a block, a multiple of ``MULTIPLE``.
        scratch: memory of ``scratch_of_convolve`` bytes.
    """
    u_row, v_row = bytes_of_line(outputs), bytes_of_line(inputs)
    u_plane = inputs * u_row + APART
    v_plane, m_plane = at_once * v_row + APART, at_once * u_row + APART
    u = scratch
    v = u + PLANES * u_plane
    m = v + PLANES * v_plane
    patch = m + PLANES * m_plane
    transform_weight(weight, tap_row, tap, line, inputs, outputs, u, u_plane, u_row)
    across = (y_width + STEP - 1) // STEP
    of_image_tiles = (y_height + STEP - 1) // STEP * across
    for first in range(first_tile, last_tile, at_once):
        count = min(at_once, last_tile - first)
        gather_inputs(
            x, x_image, x_row, x_pixel, height, width, inputs, top, left,
            first, count, across, of_image_tiles, v, v_plane, v_row, patch,
        )  # fmt: skip
        rows = (count + MULTIPLE - 1) // MULTIPLE * MULTIPLE
        for plane in range(PLANES):
            unused = v + plane * v_plane + count * v_row
            for at in range(unused, unused + (rows - count) * v_row, BYTES):
                store(at, splat(float32(0)))
            multiply(
                m + plane * m_plane, u_row, v + plane * v_plane, v_row, 4,
                u + plane * u_plane, u_row, rows, outputs, inputs, False,
            )  # fmt: skip
        for t in range(count):
            image, row, column = place(first + t, across, of_image_tiles)
            transform_output(
                m + t * u_row, m_plane, outputs, bias,
                y + image * y_image + row * y_row + column * y_pixel, y_row, y_pixel,
                y_height - row, y_width - column, activation, slope,
                of + image * of_image + row * of_row + column * of_pixel, of_row, of_pixel,
            )  # fmt: skip


@kernel
def gradient_of_weight(
    x, x_image, x_row, x_pixel, height, width, inputs,
    dy, dy_image, dy_row, dy_pixel, dy_height, dy_width, outputs, images,
    top, left, dw, tap_row, tap, line, add, db, add_db, at_once, scratch,
):  # fmt: skip
    """dw[tap] = sum over v of x[v + tap - (top, left)] dy[v]^T, added to what is there if asked.

    The sum over tiles is one of matrix products in the transformed domain; it is transformed once.

    Args:
        dw, tap_row, tap, line: (3, 3, inputs, outputs), the outputs side by side.
        db, add_db: where the sum over v of dy[v] goes, 0 for nowhere; whether it is added to what
            is there.
        at_once: tiles in a block.
        scratch: memory of ``scratch_of_gradient`` bytes.
    """
    z_row, v_row = bytes_of_line(outputs), bytes_of_line(inputs)
    s_rows = (inputs + MULTIPLE - 1) // MULTIPLE * MULTIPLE
    s_plane = s_rows * z_row + APART
    v_plane, z_plane = at_once * v_row + APART, at_once * z_row + APART
    s = scratch
    v = s + PLANES * s_plane
    z = v + PLANES * v_plane + BYTES * MULTIPLE
    patch = z + PLANES * z_plane
    across = (dy_width + STEP - 1) // STEP
    of_image_tiles = (dy_height + STEP - 1) // STEP * across
    last_tile = images * of_image_tiles
    for first in range(0, last_tile, at_once):
        count = min(at_once, last_tile - first)
        gather_inputs(
            x, x_image, x_row, x_pixel, height, width, inputs, top, left,
            first, count, across, of_image_tiles, v, v_plane, v_row, patch,
        )  # fmt: skip
        for t in range(count):
            image, row, column = place(first + t, across, of_image_tiles)
            transform_gradient(
                dy + image * dy_image + row * dy_row + column * dy_pixel, dy_row, dy_pixel,
                z + t * z_row, z_plane, outputs, dy_height - row, dy_width - column,
            )  # fmt: skip
        if db != 0:
            add_sums(z + MIDDLE * z_plane, z_row, count, outputs, db, add_db or first > 0)
        for plane in range(PLANES):
            multiply(
                s + plane * s_plane, z_row, v + plane * v_plane, 4, v_row,
                z + plane * z_plane, z_row, inputs, outputs, count, first > 0,
            )  # fmt: skip
    weight_gradient(s, s_plane, z_row, inputs, outputs, dw, tap_row, tap, line, add)
