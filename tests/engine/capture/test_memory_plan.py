"""Storages that are alive together have memory of their own; others share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zoo.engine.capture.memory_plan import ALIGNMENT, plan_memory

SPANS = st.lists(
    st.tuples(st.integers(0, 3000), st.integers(0, 20), st.integers(0, 20)).map(
        lambda span: (span[0], min(span[1:]), max(span[1:]))
    ),
    max_size=30,
)


@given(SPANS)
def test_what_is_needed_at_the_same_time_has_places_of_its_own(
    spans: list[tuple[int, int, int]],
) -> None:
    places, size = plan_memory(spans)
    assert [length for _, length in places] == [span[0] for span in spans]
    for index, (start, length) in enumerate(places):
        assert start % ALIGNMENT == 0
        assert 0 <= start <= start + length <= size
        for other in range(index):
            together = spans[index][1] <= spans[other][2] and spans[other][1] <= spans[index][2]
            apart = (
                places[other][0] + places[other][1] <= start or start + length <= places[other][0]
            )
            assert apart or not together or 0 in (length, places[other][1])


def test_places_are_used_again() -> None:
    assert plan_memory([(640, 0, 1), (640, 2, 3), (64, 1, 2)]) == (
        [(0, 640), (0, 640), (640, 64)],
        704,
    )
    assert plan_memory([]) == ([], 0)
