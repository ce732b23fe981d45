"""The transforms of minimal filtering F(2 x 2, 3 x 3), of one tile with all its channels.

The channels of a pixel are side by side in memory, and ``LANES`` of them are one vector, so each
line below is one instruction on as many channels. What they compute is derived in
:mod:`zoo.engine.conv.minimal_filtering`::

    transform_input      V = B^T d B      4 x 4 pixels of the input    -> 16 planes
    transform_output     y = A^T M A      16 planes                    -> 2 x 2 pixels, + bias
    transform_gradient   Z = A dy A^T     2 x 2 pixels of a gradient   -> 16 planes
    transform_weight     U = G w G^T      3 x 3 taps                   -> 16 planes
    weight_gradient      dw = G^T S G     16 planes                    -> 3 x 3 taps

Each plane has a line for each tile: number (i, j) of a tile is in plane 4 i + j.
"""

from __future__ import annotations

from numba import float32

from zoo.engine.compiled.build import inlined
from zoo.engine.compiled.tiles import add_to, finish_pixels, load_tile
from zoo.engine.compiled.vector import LANES, load, load_first, splat, store


@inlined
def load_row(x, x_pixel, left):
    """Four neighbouring pixels."""
    return (
        load_first(x, left),
        load_first(x + x_pixel, left),
        load_first(x + 2 * x_pixel, left),
        load_first(x + 3 * x_pixel, left),
    )


@inlined
def store_differences(out, plane, d0, d1, d2, d3):
    """One row of B^T d times B."""
    store(out, d0 - d2)
    store(out + plane, d1 + d2)
    store(out + 2 * plane, d2 - d1)
    store(out + 3 * plane, d1 - d3)


@inlined
def transform_input(x, x_row, x_pixel, planes, plane, channels):
    """V = B^T d B, of the tile whose first pixel is at ``x``.

    B^T d: d0 - d2, d1 + d2, d2 - d1, d1 - d3, of the rows; then the same of the columns.
    """
    for c in range(0, channels, LANES):
        left = channels - c
        at = x + 4 * c
        d00, d01, d02, d03 = load_row(at, x_pixel, left)
        d10, d11, d12, d13 = load_row(at + x_row, x_pixel, left)
        d20, d21, d22, d23 = load_row(at + 2 * x_row, x_pixel, left)
        d30, d31, d32, d33 = load_row(at + 3 * x_row, x_pixel, left)
        out = planes + 4 * c
        store_differences(out, plane, d00 - d20, d01 - d21, d02 - d22, d03 - d23)
        out += 4 * plane
        store_differences(out, plane, d10 + d20, d11 + d21, d12 + d22, d13 + d23)
        out += 4 * plane
        store_differences(out, plane, d20 - d10, d21 - d11, d22 - d12, d23 - d13)
        out += 4 * plane
        store_differences(out, plane, d10 - d30, d11 - d31, d12 - d32, d13 - d33)


@inlined
def sums(m0, m1, m2, m3):
    """A^T of four."""
    both = m1 + m2
    return m0 + both, m1 - m2 - m3


@inlined
def sums_at(planes, plane):
    """A^T of a row of four."""
    return sums(
        load(planes), load(planes + plane), load(planes + 2 * plane), load(planes + 3 * plane)
    )


@inlined
def transform_output(
    planes, plane, channels, bias, y, y_row, y_pixel, rows, columns,
    activation, slope, of, of_row, of_pixel,
):  # fmt: skip
    """y = A^T M A, and what ``finish_pixels`` does.

    A^T M: m0 + m1 + m2, m1 - m2 - m3, of the columns; then the same of the rows.
    """
    for c in range(0, channels, LANES):
        at = planes + 4 * c
        p0, q0 = sums_at(at, plane)
        p1, q1 = sums_at(at + 4 * plane, plane)
        p2, q2 = sums_at(at + 8 * plane, plane)
        p3, q3 = sums_at(at + 12 * plane, plane)
        y00, y10 = sums(p0, p1, p2, p3)
        y01, y11 = sums(q0, q1, q2, q3)
        store(at, y00)
        store(at + plane, y01)
        store(at + 2 * plane, y10)
        store(at + 3 * plane, y11)
        finish_pixels(
            at, plane, 2, channels - c, bias, 4 * c,
            y, y_row, y_pixel, rows, columns, activation, slope, of, of_row, of_pixel,
        )  # fmt: skip


@inlined
def store_sums(out, plane, d0, d1):
    """One row of A dy times A^T."""
    store(out, d0)
    store(out + plane, d0 + d1)
    store(out + 2 * plane, d0 - d1)
    store(out + 3 * plane, splat(float32(0)) - d1)


@inlined
def transform_gradient(dy, dy_row, dy_pixel, planes, plane, channels, rows, columns):
    """Z = A dy A^T, of the tile whose first pixel is at ``dy``; what the image lacks is zero.

    A dy: d0, d0 + d1, d0 - d1, -d1, of the rows; then the same of the columns.
    """
    for c in range(0, channels, LANES):
        d00, d01, d10, d11 = load_tile(dy + 4 * c, dy_row, dy_pixel, channels - c, rows, columns)
        out = planes + 4 * c
        store_sums(out, plane, d00, d01)
        store_sums(out + 4 * plane, plane, d00 + d10, d01 + d11)
        store_sums(out + 8 * plane, plane, d00 - d10, d01 - d11)
        zero = splat(float32(0))
        store_sums(out + 12 * plane, plane, zero - d10, zero - d11)


@inlined
def halves(w0, w1, w2):
    """G of three."""
    half = splat(float32(0.5))
    ends = (w0 + w2) * half
    middle = w1 * half
    return w0, ends + middle, ends - middle, w2


@inlined
def halves_at(w, tap_row, left):
    """G of a column of taps."""
    return halves(
        load_first(w, left), load_first(w + tap_row, left), load_first(w + 2 * tap_row, left)
    )


@inlined
def store_halves(out, plane, w0, w1, w2):
    """One row of G w times G^T."""
    u0, u1, u2, u3 = halves(w0, w1, w2)
    store(out, u0)
    store(out + plane, u1)
    store(out + 2 * plane, u2)
    store(out + 3 * plane, u3)


@inlined
def transform_weight(w, tap_row, tap, line, inputs, outputs, planes, plane, plane_row):
    """U = G w G^T, of all (inputs, outputs).

    G w: w0, (w0 + w1 + w2) / 2, (w0 - w1 + w2) / 2, w2, of the rows; then the same of the columns.
    """
    for i in range(inputs):
        for c in range(0, outputs, LANES):
            left = outputs - c
            at = w + i * line + 4 * c
            a0, a1, a2, a3 = halves_at(at, tap_row, left)
            b0, b1, b2, b3 = halves_at(at + tap, tap_row, left)
            c0, c1, c2, c3 = halves_at(at + 2 * tap, tap_row, left)
            out = planes + i * plane_row + 4 * c
            store_halves(out, plane, a0, b0, c0)
            store_halves(out + 4 * plane, plane, a1, b1, c1)
            store_halves(out + 8 * plane, plane, a2, b2, c2)
            store_halves(out + 12 * plane, plane, a3, b3, c3)


@inlined
def folded(s0, s1, s2, s3):
    """G^T of four."""
    half = splat(float32(0.5))
    both = (s1 + s2) * half
    return s0 + both, (s1 - s2) * half, both + s3


@inlined
def folded_at(planes, plane):
    """G^T of a row of four."""
    return folded(
        load(planes), load(planes + plane), load(planes + 2 * plane), load(planes + 3 * plane)
    )


@inlined
def store_folded(out, tap_row, left, add, s0, s1, s2, s3):
    """A column of taps."""
    w0, w1, w2 = folded(s0, s1, s2, s3)
    add_to(out, w0, left, add)
    add_to(out + tap_row, w1, left, add)
    add_to(out + 2 * tap_row, w2, left, add)


@inlined
def weight_gradient(planes, plane, plane_row, inputs, outputs, dw, tap_row, tap, line, add):
    """dw = G^T S G, of all (inputs, outputs), added to what is there if asked.

    G^T S: s0 + (s1 + s2) / 2, (s1 - s2) / 2, (s1 + s2) / 2 + s3, of the columns; then of the rows.
    """
    for i in range(inputs):
        for c in range(0, outputs, LANES):
            left = outputs - c
            at = planes + i * plane_row + 4 * c
            a0, a1, a2 = folded_at(at, plane)
            b0, b1, b2 = folded_at(at + 4 * plane, plane)
            c0, c1, c2 = folded_at(at + 8 * plane, plane)
            d0, d1, d2 = folded_at(at + 12 * plane, plane)
            out = dw + i * line + 4 * c
            store_folded(out, tap_row, left, add, a0, b0, c0, d0)
            store_folded(out + tap, tap_row, left, add, a1, b1, c1, d1)
            store_folded(out + 2 * tap, tap_row, left, add, a2, b2, c2, d2)
