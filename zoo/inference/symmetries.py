"""The eight ways to turn and flip a picture, which an ensemble averages over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from torch import Tensor

Box = tuple[int, int, int, int]  # top, bottom, left, right


@dataclass(frozen=True)
class Symmetry:
    """A picture transposed, or not, and then flipped along its axes, or not.

    Attributes:
        transposed: rows and columns change places.
        flipped: then the last row comes first.
        mirrored: then the last column comes first.
    """

    transposed: bool
    flipped: bool
    mirrored: bool

    def size(self, height: int, width: int) -> tuple[int, int]:
        """The size of the turned picture."""
        return (width, height) if self.transposed else (height, width)

    def region(self, box: Box, height: int, width: int) -> Box:
        """Where a region of the turned picture lies in the picture, which is height x width."""
        turned_height, turned_width = self.size(height, width)
        top, bottom, left, right = box
        if self.flipped:
            top, bottom = turned_height - bottom, turned_height - top
        if self.mirrored:
            left, right = turned_width - right, turned_width - left
        return (left, right, top, bottom) if self.transposed else (top, bottom, left, right)

    def apply(self, x: Tensor) -> Tensor:
        """Images (..., H, W), turned."""
        return (x.transpose(-1, -2) if self.transposed else x).flip(self._axes)

    def undo(self, y: Tensor) -> Tensor:
        """Turned images, turned back."""
        y = y.flip(self._axes)
        return y.transpose(-1, -2) if self.transposed else y

    @property
    def _axes(self) -> list[int]:
        return [axis for axis, is_set in ((-2, self.flipped), (-1, self.mirrored)) if is_set]


IDENTITY = Symmetry(False, False, False)
SYMMETRIES: Sequence[Symmetry] = tuple(Symmetry(*ways) for ways in product((False, True), repeat=3))
