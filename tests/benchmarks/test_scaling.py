"""The model of docs/scaling.md, and its tables."""

from __future__ import annotations

import pytest

from tests.benchmarks.drawing import ranks_that_wait
from tests.benchmarks.scaling import (
    SIZES,
    Line,
    Network,
    all_reduce,
    predicted,
    table_of_many,
    table_of_two,
)

NETWORK = Network("net", 10, 2**20, Line(1e-3, 2e-3))
LINK = Line(1e-3, 1e-8)  # 1 ms and 100 MB/s


def test_a_line_through_points_on_one_is_that() -> None:
    line = Line(2e-3, 3e-9)
    found = Line.through([(size, line.at(size)) for size in SIZES])
    assert found.fixed == pytest.approx(line.fixed)
    assert found.slope == pytest.approx(line.slope)


def test_a_line_that_would_begin_below_zero_begins_there() -> None:
    assert Line.through([(1.0, 1.0), (2.0, 4.0)]).fixed == 0


def test_an_all_reduce_of_two_ranks_is_what_was_measured() -> None:
    assert all_reduce(1, 2**20, LINK) == 0
    assert all_reduce(2, 2**20, LINK) == pytest.approx(LINK.at(2**20))


def test_a_ring_sends_everything_twice_however_many_ranks() -> None:
    without_latency = Line(0.0, 1e-8)
    assert all_reduce(64, 2**20, without_latency) == pytest.approx(2 * 63 / 64 * 1e-8 * 2**20)


def test_a_step_is_computing_and_summing() -> None:
    assert predicted(NETWORK, 10, 1, LINK) == pytest.approx(21e-3)
    assert predicted(NETWORK, 20, 2, LINK) == pytest.approx(21e-3 + LINK.at(2**20))
    assert predicted(NETWORK, 10, 1, LINK, faster=10) == pytest.approx(2.1e-3)


def test_the_images_for_80_percent_are_what_takes_four_fifths() -> None:
    row = table_of_many([NETWORK], LINK, "title")[-1]
    images = float(row.split("|")[-2])
    computing = NETWORK.step.at(images)
    assert computing / (computing + all_reduce(64, 2**20, LINK)) == pytest.approx(0.8, abs=1e-3)


def test_ranks_that_wait_for_drawing() -> None:
    """Of 2 images each, a batch in 1 ms and 1 ms for each rank: five take longer than 5.5 ms."""
    assert ranks_that_wait(2, Line(1e-3, 0.5e-3), 5.5e-3) == 5


def test_tables_have_a_cell_for_each_head() -> None:
    tables = [
        table_of_two([NETWORK], {"net": 0.03}, {"loopback": LINK}, {"loopback": {"net": 0.04}}),
        table_of_many([NETWORK], LINK, "title"),
    ]
    for table in tables:
        head, line, row = table[-3:]
        assert head.count("|") == line.count("|") == row.count("|")
