"""The arithmetic of one axis, against a list of all connections of its taps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given

from tests.draws import draws
from tests.engine.conv.grid_maps import axes
from zoo.engine.conv.axis import Axis

SEVERAL = draws(200)


def reads_of_high(axis: Axis) -> Iterator[int]:
    """The cells that the coarse pixels read, inside and outside of the image."""
    return (v + shift for v in range(axis.coarse) for shift in axis.shifts)


def reads_of_low(axis: Axis) -> Iterator[int]:
    """The coarse pixels that the cells read, inside and outside of the image."""
    return (cell - shift for cell in range(axis.cells) for shift in axis.shifts)


@SEVERAL
@given(axes())
def test_a_tap_is_a_phase_and_a_shift(axis: Axis) -> None:
    for offset, phase, shift in zip(axis.offsets, axis.phases, axis.shifts, strict=True):
        assert 0 <= phase < axis.stride
        for v in range(axis.coarse):
            assert axis.stride * v + offset == axis.stride * (v + shift) + phase


@SEVERAL
@given(axes())
def test_the_cells_hold_all_fine_pixels_and_no_cell_is_empty(axis: Axis) -> None:
    assert {u // axis.stride for u in range(axis.fine)} == set(range(axis.cells))


@SEVERAL
@given(axes())
def test_margins_are_exactly_what_is_read_outside(axis: Axis) -> None:
    assert axis.before == max(0, -min(reads_of_high(axis)))
    assert axis.cells_behind == max(0, max(reads_of_high(axis)) - (axis.cells - 1))
    assert axis.after == max(0, -min(reads_of_low(axis)))
    assert axis.coarse_behind == max(0, max(reads_of_low(axis)) - (axis.coarse - 1))


@SEVERAL
@given(axes())
def test_what_is_read_outside_a_line_lies_in_no_other(axis: Axis) -> None:
    """Three lines one behind the other: reads of the middle one find its own pixels or zeros."""
    for pixels, reads in (
        (axis.cells, set(reads_of_high(axis))),
        (axis.coarse, set(reads_of_low(axis))),
    ):
        others = {line * axis.pitch + pixel for line in (-2, -1, 1, 2) for pixel in range(pixels)}
        assert not reads & others


@SEVERAL
@given(axes())
def test_the_pitch_is_no_longer_than_that(axis: Axis) -> None:
    fine, coarse = set(reads_of_high(axis)), set(reads_of_low(axis))
    shorter = axis.pitch - 1
    assert (
        shorter < max(axis.cells, axis.coarse)
        or fine & set(range(-shorter, axis.cells - shorter))
        or fine & set(range(shorter, axis.cells + shorter))
        or coarse & set(range(-shorter, axis.coarse - shorter))
        or coarse & set(range(shorter, axis.coarse + shorter))
    )


@SEVERAL
@given(axes())
def test_the_phases_share_the_taps_among_them(axis: Axis) -> None:
    taps = [tap for phase in range(axis.stride) for tap in axis.taps(phase)]
    assert sorted(taps) == list(range(len(axis.offsets)))
    for phase in range(axis.stride):
        own = axis.taps(phase)
        assert {axis.phases[tap] for tap in own} <= {phase}
        shifts = [axis.shifts[tap] for tap in own]
        spacing = axis.spacing(own)
        assert shifts == [shifts[0] + number * spacing for number in range(len(own))]


@pytest.mark.parametrize(
    ("axis", "before", "after", "cells_behind", "coarse_behind", "pitch"),
    [
        # kernel 3, padding 1, 32 -> 32 pixels: a zero between two lines is_supported both
        (Axis(32, 32, 1, (-1, 0, 1)), 1, 1, 1, 1, 33),
        # kernel 3, stride 2, padding 1, 32 -> 16 pixels
        (Axis(16, 32, 2, (-1, 0, 1)), 1, 0, 0, 1, 17),
        # kernel 1: nothing is read outside
        (Axis(7, 7, 1, (0,)), 0, 0, 0, 0, 7),
        # a phase without taps, and a last cell that is filled in part
        (Axis(3, 8, 3, (0,)), 0, 0, 0, 0, 3),
    ],
)
def test_axes_worked_out_by_hand(
    axis: Axis, before: int, after: int, cells_behind: int, coarse_behind: int, pitch: int
) -> None:
    found = (axis.before, axis.after, axis.cells_behind, axis.coarse_behind, axis.pitch)
    assert found == (before, after, cells_behind, coarse_behind, pitch)
