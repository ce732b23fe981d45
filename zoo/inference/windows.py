"""Where the tiles of a picture begin and end, along one axis."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from zoo.engine.reach import Reach


@dataclass(frozen=True)
class Window:
    """A tile along one axis, in pixels of the picture; ends are excluded.

    Attributes:
        first, last: what the network is given.
        start, end: what is kept of its output.
    """

    first: int
    last: int
    start: int
    end: int


def windows(size: int, reach: Reach, length: int) -> Iterator[Window]:
    """Windows of one length, as short as can be for so many, whose outputs fill an axis.

    Args:
        size: of the whole axis.
        reach: of the network.
        length: of the longest window that there may be, at least :func:`shortest`.
    """
    length = _even(size, reach, length)
    advance = _advance(reach, length)
    first = end = 0
    while end < size:
        first = min(first, size - length)
        last = first + length
        start, end = end, size if last == size else last - reach.after
        yield Window(first, last, start, end)
        first += advance


def shortest(size: int, reach: Reach) -> int:
    """The shortest window that gets on, or the whole axis."""
    least = reach.before + reach.after + reach.step
    return min(size, least + (size - least) % reach.step)


def _even(size: int, reach: Reach, length: int) -> int:
    """The shortest length of no more windows than those of ``length``."""
    if length >= size:
        return size
    length -= (length - size) % reach.step
    count = 1 - (length - size) // _advance(reach, length)
    least = shortest(size, reach)
    needed = -(-(size - least) // (count * reach.step)) * reach.step  # a lower bound
    for candidate in range(max(least, needed), length, reach.step):
        if candidate + (count - 1) * _advance(reach, candidate) >= size:
            return candidate
    return length


def _advance(reach: Reach, length: int) -> int:
    """From one window to the next."""
    return (length - reach.before - reach.after) // reach.step * reach.step
