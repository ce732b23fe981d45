"""Places in one block of memory for pieces of it, each needed for a while."""

from __future__ import annotations

from collections.abc import Sequence

ALIGNMENT = 64  # bytes: that of torch's own allocations


def plan(spans: Sequence[tuple[int, int, int]]) -> tuple[list[tuple[int, int]], int]:
    """Places in one block of memory for pieces of it, each needed for a while.

    The largest piece first, each at the lowest place that is free all the time.

    Args:
        spans: for each piece its bytes, and the first and the last moment in which it is needed.

    Returns:
        (start, bytes) of each, and the bytes of the whole.
    """
    starts: dict[int, int] = {}
    sizes = [-(-max(size, 1) // ALIGNMENT) * ALIGNMENT for size, _, _ in spans]
    for index in sorted(range(len(spans)), key=lambda index: -sizes[index]):
        _, first, last = spans[index]
        taken = sorted(
            (start, start + sizes[other])
            for other, start in starts.items()
            if spans[other][1] <= last and first <= spans[other][2]
        )
        place = 0
        for start, end in taken:
            if place + sizes[index] <= start:
                break
            place = max(place, end)
        starts[index] = place
    places = [(starts[index], span[0]) for index, span in enumerate(spans)]
    return places, max((start + sizes[index] for index, start in starts.items()), default=0)
