"""One block of memory for all temporary tensors of a recording: those not alive together share."""

from __future__ import annotations

from collections.abc import Sequence

ALIGNMENT = 64  # bytes: that of torch's own allocations


def plan_memory(spans: Sequence[tuple[int, int, int]]) -> tuple[list[tuple[int, int]], int]:
    """Offsets of storages in one block, each alive for a while.

    The largest first, each at the lowest offset that is free all the time.

    Args:
        spans: for each storage its bytes, and the first and the last moment in which it is alive.

    Returns:
        (offset, bytes) of each, and the bytes of the whole.
    """
    offsets: dict[int, int] = {}
    sizes = [-(-max(size, 1) // ALIGNMENT) * ALIGNMENT for size, _, _ in spans]
    for index in sorted(range(len(spans)), key=lambda index: -sizes[index]):
        _, first, last = spans[index]
        taken = sorted(
            (offset, offset + sizes[other])
            for other, offset in offsets.items()
            if spans[other][1] <= last and first <= spans[other][2]
        )
        offset = 0
        for start, end in taken:
            if offset + sizes[index] <= start:
                break
            offset = max(offset, end)
        offsets[index] = offset
    placed = [(offsets[index], span[0]) for index, span in enumerate(spans)]
    return placed, max((offset + sizes[index] for index, offset in offsets.items()), default=0)
