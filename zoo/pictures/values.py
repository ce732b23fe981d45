"""Values of pixels: how many bits, what is white, and from one depth to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from zoo.spec.value_range import FARTHEST

Array = np.ndarray[Any, np.dtype[Any]]

TOO_BRIGHT = 1.5  # times white: more than highlights in floats would explain
TWELVE_BITS = 4096


@dataclass(frozen=True)
class Depth:
    """Bits of a value; unsigned integers unless ``floating``."""

    bits: int
    floating: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest type of numpy that holds such values."""
        if self.floating:
            return np.dtype(f"f{self.bits // 8}")
        return np.dtype(np.uint8 if self.bits <= 8 else np.uint16)

    @property
    def white(self) -> float:
        """The largest integer, or 1.0."""
        return 1.0 if self.floating else 2**self.bits - 1

    @property
    def words(self) -> str:
        """For messages: ``12 bits``, ``float of 32 bits``."""
        return f"float of {self.bits} bits" if self.floating else f"{self.bits} bits"


@dataclass(frozen=True)
class ValueRange:
    """Which values are black and white where it is not the file's type that says it."""

    low: float
    high: float

    def of(self, depth: Depth) -> tuple[float, float]:
        """Black and white of a file.

        They are the type's where its integers end below ``high``: an 8-bit picture among those of
        12 bits keeps its white at 255.
        """
        if depth.floating or self.high <= depth.white:
            return self.low, self.high
        return 0.0, depth.white


def doubt_of_white(depth: Depth, highest: float) -> str:
    """What to say where values hint at another white than their type's; "" where none does.

    Args:
        depth: of the values.
        highest: the largest of them, as a part of white.
    """
    if depth.floating and highest > TOO_BRIGHT:
        return f"its values go up to {highest:g}, and white is 1"
    if depth == Depth(16) and highest * depth.white < TWELVE_BITS:
        return f"its values go up to {round(highest * depth.white)}, and white is 65535"
    return ""


def first_unusable(values: Array, black: float, white: float) -> str:
    """The first value that no network can compute with, and its place; "" for none.

    It is no finite number, or more than 1e15 times as far from black as white is. As in
    ``nan at row 3, column 5``; rows and columns count from 0.

    Args:
        values: (H, W) or (H, W, C).
        black, white: the values of both.
    """
    low, high = (black + sign * FARTHEST * (white - black) for sign in (-1, 1))
    if low <= float(values.min()) and float(values.max()) <= high:
        return ""
    wide = values.astype(np.float64)  # the ends may be beyond their own type
    place = np.argwhere(~((wide >= low) & (wide <= high)))[0]
    return f"{values[tuple(place)]:g} at row {place[0]}, column {place[1]}"


def convert(values: Array, given: Depth, wanted: Depth) -> Array:
    """Values of one depth in another: white stays white; rounded where integers are wanted.

    Integers from floats are clipped to [0, white]; not-a-number becomes 0.
    """
    if given == wanted:
        return values
    if wanted.floating:
        scaled = values if given.floating else values / np.float64(given.white)
        return scaled.astype(wanted.dtype)
    result = np.empty(values.shape, wanted.dtype)
    for row in range(0, len(values), 256):  # rows at a time: no float copy of the whole
        part = values[row : row + 256].astype(np.float64) * (wanted.white / given.white)
        result[row : row + 256] = np.nan_to_num(part.round(), nan=0).clip(0, wanted.white)
    return result
