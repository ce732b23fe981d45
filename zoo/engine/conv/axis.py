"""The index arithmetic of one axis of a map between a coarse and a fine grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Axis:
    """One axis: tap t connects coarse pixel v with fine pixel u = stride v + offsets[t].

    Fine pixel u is pixel u mod s, its *phase*, of *cell* u div s (the polyphase decomposition).
    Within a phase a tap is a shift by whole cells: it connects coarse pixel v with cell v + shift.
    Coarse pixels and the cells of each phase are stored in lines of the same length, ``pitch``, one
    directly behind the other, so that a shift is the same distance in memory everywhere. What a
    shift finds beyond the end of a line or before its start must be zero; the cells between two
    lines serve both.

    Attributes:
        coarse, fine: pixels of the two grids.
        stride: s.
        offsets: e_t for each tap, evenly spaced and growing.
    """

    coarse: int
    fine: int
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
        """Cells of the fine grid: the last may be filled in part."""
        return -(-self.fine // self.stride)

    @cached_property
    def before(self) -> int:
        """Cells read before the first of a fine line."""
        return max(0, -min(self.shifts))

    @cached_property
    def after(self) -> int:
        """Coarse pixels read before the first of a coarse line."""
        return max(0, *self.shifts)

    @cached_property
    def cells_behind(self) -> int:
        """Cells read behind the last of a fine line."""
        return max(0, self.coarse + max(self.shifts) - self.cells)

    @cached_property
    def coarse_behind(self) -> int:
        """Coarse pixels read behind the last of a coarse line."""
        return max(0, self.cells - min(self.shifts) - self.coarse)

    @cached_property
    def pitch(self) -> int:
        """From one line to the next: room for its pixels, and zeros for both neighbours."""
        return max(
            self.cells + max(self.before, self.cells_behind),
            self.coarse + max(self.after, self.coarse_behind),
        )

    @property
    def step(self) -> int:
        """From tap to tap: the dilation."""
        return self.offsets[1] - self.offsets[0] if len(self.offsets) > 1 else 1

    def taps(self, phase: int) -> range:
        """The taps of a phase; they are evenly spaced."""
        taps = [tap for tap, found in enumerate(self.phases) if found == phase]
        step = taps[1] - taps[0] if len(taps) > 1 else 1
        return range(taps[0], taps[-1] + 1, step) if taps else range(0)

    def spacing(self, taps: range) -> int:
        """Cells between the shifts of neighbouring taps of a phase."""
        return self.shifts[taps[1]] - self.shifts[taps[0]] if len(taps) > 1 else 0
