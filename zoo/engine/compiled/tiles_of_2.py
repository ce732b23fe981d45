"""The transforms of minimal filtering F(2 x 2, 2 x 2), of one tile with all its channels.

As :mod:`zoo.engine.compiled.tiles_of_3` has them for three taps. Here a tile has 3 x 3 pixels of
the input and nine planes: number (i, j) is in plane 3 i + j.
"""

from __future__ import annotations

from zoo.engine.compiled.build import inlined
from zoo.engine.compiled.tiles import add_to, finish_pixels, load_tile
from zoo.engine.compiled.vector import LANES, load, load_first, store


@inlined
def load_row(x, x_pixel, left):
    """Three neighbouring pixels."""
    return load_first(x, left), load_first(x + x_pixel, left), load_first(x + 2 * x_pixel, left)


@inlined
def store_differences(out, plane, d0, d1, d2):
    """One row of B^T d times B."""
    store(out, d0 - d1)
    store(out + plane, d1)
    store(out + 2 * plane, d2 - d1)


@inlined
def transform_input(x, x_row, x_pixel, planes, plane, channels):
    """V = B^T d B. B^T d: d0 - d1, d1, d2 - d1, of the rows; then the same of the columns."""
    for c in range(0, channels, LANES):
        left = channels - c
        at = x + 4 * c
        d00, d01, d02 = load_row(at, x_pixel, left)
        d10, d11, d12 = load_row(at + x_row, x_pixel, left)
        d20, d21, d22 = load_row(at + 2 * x_row, x_pixel, left)
        out = planes + 4 * c
        store_differences(out, plane, d00 - d10, d01 - d11, d02 - d12)
        store_differences(out + 3 * plane, plane, d10, d11, d12)
        store_differences(out + 6 * plane, plane, d20 - d10, d21 - d11, d22 - d12)


@inlined
def sums(planes, plane):
    """A^T of a row of three: m0 + m1, m1 + m2."""
    m1 = load(planes + plane)
    return load(planes) + m1, m1 + load(planes + 2 * plane)


@inlined
def transform_output(
    planes, plane, channels, bias, y, y_row, y_pixel, rows, columns,
    activation, slope, of, of_row, of_pixel,
):  # fmt: skip
    """y = A^T M A + bias. A^T M: m0 + m1, m1 + m2, of the columns; then the same of the rows."""
    for c in range(0, channels, LANES):
        at = planes + 4 * c
        p0, q0 = sums(at, plane)
        p1, q1 = sums(at + 3 * plane, plane)
        p2, q2 = sums(at + 6 * plane, plane)
        store(at, p0 + p1)
        store(at + plane, q0 + q1)
        store(at + 2 * plane, p1 + p2)
        store(at + 3 * plane, q1 + q2)
        finish_pixels(
            at, plane, 2, channels - c, bias, 4 * c,
            y, y_row, y_pixel, rows, columns, activation, slope, of, of_row, of_pixel,
        )  # fmt: skip


@inlined
def store_sums(out, plane, d0, d1):
    """One row of A dy times A^T."""
    store(out, d0)
    store(out + plane, d0 + d1)
    store(out + 2 * plane, d1)


@inlined
def transform_gradient(dy, dy_row, dy_pixel, planes, plane, channels, rows, columns):
    """Z = A dy A^T. A dy: d0, d0 + d1, d1, of the rows; then the same of the columns."""
    for c in range(0, channels, LANES):
        d00, d01, d10, d11 = load_tile(dy + 4 * c, dy_row, dy_pixel, channels - c, rows, columns)
        out = planes + 4 * c
        store_sums(out, plane, d00, d01)
        store_sums(out + 3 * plane, plane, d00 + d10, d01 + d11)
        store_sums(out + 6 * plane, plane, d10, d11)


@inlined
def store_taps(out, plane, w0, w1):
    """One row of G w times G^T."""
    store(out, w0)
    store(out + plane, w0 + w1)
    store(out + 2 * plane, w1)


@inlined
def transform_weight(w, tap_row, tap, line, inputs, outputs, planes, plane, plane_row):
    """U = G w G^T. G w: w0, w0 + w1, w1, of the rows; then the same of the columns."""
    for i in range(inputs):
        for c in range(0, outputs, LANES):
            left = outputs - c
            at = w + i * line + 4 * c
            w00, w01 = load_first(at, left), load_first(at + tap, left)
            w10, w11 = load_first(at + tap_row, left), load_first(at + tap_row + tap, left)
            out = planes + i * plane_row + 4 * c
            store_taps(out, plane, w00, w01)
            store_taps(out + 3 * plane, plane, w00 + w10, w01 + w11)
            store_taps(out + 6 * plane, plane, w10, w11)


@inlined
def weight_gradient(planes, plane, plane_row, inputs, outputs, dw, tap_row, tap, line, add):
    """dw = G^T S G. G^T S: s0 + s1, s1 + s2, of the columns; then the same of the rows."""
    for i in range(inputs):
        for c in range(0, outputs, LANES):
            at = planes + i * plane_row + 4 * c
            a0, a1 = sums(at, plane)
            b0, b1 = sums(at + 3 * plane, plane)
            c0, c1 = sums(at + 6 * plane, plane)
            out, left = dw + i * line + 4 * c, outputs - c
            add_to(out, a0 + b0, left, add)
            add_to(out + tap, a1 + b1, left, add)
            add_to(out + tap_row, b0 + c0, left, add)
            add_to(out + tap_row + tap, b1 + c1, left, add)
