"""The index arithmetic of one axis of a map between a low and a high image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Axis:
    """One axis: tap t connects low pixel v with high pixel u = stride v + offsets[t].

    High pixel u is pixel u mod s, its *phase*, of *cell* u div s. Within a phase a tap is a shift
    by whole cells: it connects low pixel v with cell v + shift. Low pixels and the cells of each
    phase are stored in lines of the same length, ``pitch``, one directly behind the other, so that
    a shift is the same distance in memory everywhere. What a shift finds beyond the end of a line
    or before its start must be zero; the cells between two lines serve both.

    Attributes:
        low, high: pixels of the two images.
        stride: s.
        offsets: e_t for each tap, evenly spaced and growing.
    """

    low: int
    high: int
    stride: int
    offsets: tuple[int, ...]

    @cached_property
    def phases(self) -> tuple[int, ...]:
        """The phase of each tap."""
        return tuple(offset % self.stride for offset in self.offsets)

    @cached_property
    def shifts(self) -> tuple[int, ...]:
        """The shift of each tap, in cells."""
        return tuple(offset // self.stride for offset in self.offsets)

    @cached_property
    def cells(self) -> int:
        """Cells of the high image: the last may be filled in part."""
        return -(-self.high // self.stride)

    @cached_property
    def before(self) -> int:
        """Cells read before the first of a high line."""
        return max(0, -min(self.shifts))

    @cached_property
    def after(self) -> int:
        """Low pixels read before the first of a low line."""
        return max(0, *self.shifts)

    @cached_property
    def cells_behind(self) -> int:
        """Cells read behind the last of a high line."""
        return max(0, self.low + max(self.shifts) - self.cells)

    @cached_property
    def low_behind(self) -> int:
        """Low pixels read behind the last of a low line."""
        return max(0, self.cells - min(self.shifts) - self.low)

    @cached_property
    def pitch(self) -> int:
        """From one line to the next: room for its pixels, and zeros for both neighbours."""
        return max(
            self.cells + max(self.before, self.cells_behind),
            self.low + max(self.after, self.low_behind),
        )

    def taps(self, phase: int) -> range:
        """The taps of a phase; they are evenly spaced."""
        own = [tap for tap, its in enumerate(self.phases) if its == phase]
        step = own[1] - own[0] if len(own) > 1 else 1
        return range(own[0], own[-1] + 1, step) if own else range(0)

    def spacing(self, taps: range) -> int:
        """Cells between the shifts of neighbouring taps of a phase."""
        return self.shifts[taps[1]] - self.shifts[taps[0]] if len(taps) > 1 else 0
