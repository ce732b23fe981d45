"""The transforms of minimal filtering F(4 x 4, 3 x 3), of one tile with all its channels.

As :mod:`zoo.engine.compiled.tiles_of_3` has them. Here a tile has 6 x 6 pixels of the input, 4 x 4
of the output and 36 planes: number (i, j) is in plane 6 i + j.
"""

from __future__ import annotations

from math import sqrt

from numba import float32

from zoo.engine.compiled.build import inlined
from zoo.engine.compiled.tiles import finish_pixels
from zoo.engine.compiled.vector import LANES, load, load_first, multiply_add, splat, store

R = sqrt(2)


@inlined
def plus(x, factor, y):
    """x + factor y."""
    return multiply_add(splat(float32(factor)), y, x)


@inlined
def differences(d0, d1, d2, d3, d4, d5):
    """B^T of six."""
    near_even, near_odd = plus(d4, -2.0, d2), plus(d3, -2.0, d1)
    far_even, far_odd = plus(d4, -0.5, d2), plus(d3, -0.5, d1)
    return (
        plus(d0 + d4, -2.5, d2),
        plus(near_even, R / 2, near_odd),
        plus(near_even, -R / 2, near_odd),
        plus(far_even, R, far_odd),
        plus(far_even, -R, far_odd),
        plus(d1 + d5, -2.5, d3),
    )


@inlined
def differences_at(x, x_row, left):
    """B^T of a column of six pixels."""
    return differences(
        load_first(x, left),
        load_first(x + x_row, left),
        load_first(x + 2 * x_row, left),
        load_first(x + 3 * x_row, left),
        load_first(x + 4 * x_row, left),
        load_first(x + 5 * x_row, left),
    )


@inlined
def store_differences(out, plane, d0, d1, d2, d3, d4, d5):
    """One row of B^T d times B."""
    v0, v1, v2, v3, v4, v5 = differences(d0, d1, d2, d3, d4, d5)
    store(out, v0)
    store(out + plane, v1)
    store(out + 2 * plane, v2)
    store(out + 3 * plane, v3)
    store(out + 4 * plane, v4)
    store(out + 5 * plane, v5)


@inlined
def transform_input(x, x_row, x_pixel, planes, plane, channels):
    """V = B^T d B, of the tile whose first pixel is at ``x``."""
    for c in range(0, channels, LANES):
        left = channels - c
        at = x + 4 * c
        a0, a1, a2, a3, a4, a5 = differences_at(at, x_row, left)
        b0, b1, b2, b3, b4, b5 = differences_at(at + x_pixel, x_row, left)
        c0, c1, c2, c3, c4, c5 = differences_at(at + 2 * x_pixel, x_row, left)
        d0, d1, d2, d3, d4, d5 = differences_at(at + 3 * x_pixel, x_row, left)
        e0, e1, e2, e3, e4, e5 = differences_at(at + 4 * x_pixel, x_row, left)
        f0, f1, f2, f3, f4, f5 = differences_at(at + 5 * x_pixel, x_row, left)
        out = planes + 4 * c
        store_differences(out, plane, a0, b0, c0, d0, e0, f0)
        store_differences(out + 6 * plane, plane, a1, b1, c1, d1, e1, f1)
        store_differences(out + 12 * plane, plane, a2, b2, c2, d2, e2, f2)
        store_differences(out + 18 * plane, plane, a3, b3, c3, d3, e3, f3)
        store_differences(out + 24 * plane, plane, a4, b4, c4, d4, e4, f4)
        store_differences(out + 30 * plane, plane, a5, b5, c5, d5, e5, f5)


@inlined
def sums(m0, m1, m2, m3, m4, m5):
    """A^T of six."""
    near, near_odd, far, far_odd = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    return (
        m0 + near + far,
        plus(splat(float32(R)) * far_odd, R / 2, near_odd),
        plus(far + far, 0.5, near),
        plus(plus(m5, 2 * R, far_odd), R / 4, near_odd),
    )


@inlined
def sums_at(planes, plane):
    """A^T of a row of six."""
    return sums(
        load(planes),
        load(planes + plane),
        load(planes + 2 * plane),
        load(planes + 3 * plane),
        load(planes + 4 * plane),
        load(planes + 5 * plane),
    )


@inlined
def store_column(out, plane, m0, m1, m2, m3, m4, m5):
    """A column of the output."""
    y0, y1, y2, y3 = sums(m0, m1, m2, m3, m4, m5)
    store(out, y0)
    store(out + 4 * plane, y1)
    store(out + 8 * plane, y2)
    store(out + 12 * plane, y3)


@inlined
def transform_output(
    planes, plane, channels, bias, y, y_row, y_pixel, rows, columns,
    activation, slope, of, of_row, of_pixel,
):  # fmt: skip
    """y = A^T M A, and what ``finish_pixels`` does: of the rows, then the same of the columns."""
    for c in range(0, channels, LANES):
        at = planes + 4 * c
        a0, a1, a2, a3 = sums_at(at, plane)
        b0, b1, b2, b3 = sums_at(at + 6 * plane, plane)
        c0, c1, c2, c3 = sums_at(at + 12 * plane, plane)
        d0, d1, d2, d3 = sums_at(at + 18 * plane, plane)
        e0, e1, e2, e3 = sums_at(at + 24 * plane, plane)
        f0, f1, f2, f3 = sums_at(at + 30 * plane, plane)
        store_column(at, plane, a0, b0, c0, d0, e0, f0)
        store_column(at + plane, plane, a1, b1, c1, d1, e1, f1)
        store_column(at + 2 * plane, plane, a2, b2, c2, d2, e2, f2)
        store_column(at + 3 * plane, plane, a3, b3, c3, d3, e3, f3)
        finish_pixels(
            at, plane, 4, channels - c, bias, 4 * c,
            y, y_row, y_pixel, rows, columns, activation, slope, of, of_row, of_pixel,
        )  # fmt: skip


@inlined
def values(w0, w1, w2):
    """G of three."""
    near = plus(w0, 0.5, w2) * splat(float32(-2 / 3))
    far = plus(w0, 2.0, w2) * splat(float32(1 / 6))
    return (
        w0,
        plus(near, -R / 3, w1),
        plus(near, R / 3, w1),
        plus(far, R / 6, w1),
        plus(far, -R / 6, w1),
        w2,
    )


@inlined
def values_at(w, tap_row, left):
    """G of a column of taps."""
    return values(
        load_first(w, left), load_first(w + tap_row, left), load_first(w + 2 * tap_row, left)
    )


@inlined
def store_values(out, plane, w0, w1, w2):
    """One row of G w times G^T."""
    u0, u1, u2, u3, u4, u5 = values(w0, w1, w2)
    store(out, u0)
    store(out + plane, u1)
    store(out + 2 * plane, u2)
    store(out + 3 * plane, u3)
    store(out + 4 * plane, u4)
    store(out + 5 * plane, u5)


@inlined
def transform_weight(w, tap_row, tap, line, inputs, outputs, planes, plane, plane_row):
    """U = G w G^T, of all (inputs, outputs)."""
    for i in range(inputs):
        for c in range(0, outputs, LANES):
            left = outputs - c
            at = w + i * line + 4 * c
            a0, a1, a2, a3, a4, a5 = values_at(at, tap_row, left)
            b0, b1, b2, b3, b4, b5 = values_at(at + tap, tap_row, left)
            c0, c1, c2, c3, c4, c5 = values_at(at + 2 * tap, tap_row, left)
            out = planes + i * plane_row + 4 * c
            store_values(out, plane, a0, b0, c0)
            store_values(out + 6 * plane, plane, a1, b1, c1)
            store_values(out + 12 * plane, plane, a2, b2, c2)
            store_values(out + 18 * plane, plane, a3, b3, c3)
            store_values(out + 24 * plane, plane, a4, b4, c4)
            store_values(out + 30 * plane, plane, a5, b5, c5)
