"""What each format can hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from zoo.errors import ArgumentError, DataError
from zoo.pictures.picture import Picture
from zoo.pictures.values import Depth


@dataclass(frozen=True)
class Holds:
    """What a format can hold: bits of a value, floats, pixels of a side, alpha, stacks."""

    bits: tuple[int, ...]
    largest: int
    alpha: bool = True
    all_else: bool = False  # floats, stacks, more channels

    @property
    def words(self) -> str:
        """The depths for messages."""
        return " or ".join(map(str, self.bits)) + " bits"


FORMATS: Mapping[str, Holds] = {
    "PNG": Holds((8, 16), 2**31 - 1),
    "JPEG": Holds((8,), 65500, alpha=False),
    "TIFF": Holds(tuple(range(8, 17)), 2**32 - 1, all_else=True),
    "BMP": Holds((8,), 2**31 - 1),
    "WEBP": Holds((8,), 16383),
}
NAMES: Mapping[str, str] = {"JPG": "JPEG", "TIF": "TIFF"}


def target_format(name: str | None, picture: Picture) -> str:
    """The format to write.

    Raises:
        ArgumentError: none of that name.
    """
    if name is None:
        return picture.format
    found = NAMES.get(name.upper(), name.upper())
    if found not in FORMATS:
        raise ArgumentError(f"format: {name!r}. Allowed are {', '.join(FORMATS)}.", "format")
    return found


def target_depth(depth: int | Literal["float"] | None, picture: Picture) -> Depth:
    """The depth to write.

    Raises:
        ArgumentError: no such depth.
    """
    if depth is None:
        return picture.depth
    if depth == "float":
        return picture.depth if picture.depth.floating else Depth(32, floating=True)
    if depth not in FORMATS["TIFF"].bits:
        raise ArgumentError(f"depth: {depth!r}. Allowed are 8 to 16, and 'float'.", "depth")
    return Depth(depth)


def check_holds(name: str, depth: Depth, picture: Picture) -> None:
    """Refuse what a format cannot hold.

    Raises:
        DataError: the format cannot hold the picture in that depth.
    """
    holds = FORMATS[name]
    if holds.all_else:
        return
    what = ""
    if picture.n_planes > 1:
        what = f"{picture.n_planes} planes. It holds one; a TIFF holds them all"
    elif depth.floating or depth.bits not in holds.bits:
        what = f"values of {depth.words}. It holds {holds.words}: give --depth {holds.bits[-1]}"
    elif picture.channels not in (1, 3):
        what = f"{picture.channels} channels. It holds grey or RGB; a TIFF holds them all"
    elif picture.has_extras and not holds.alpha:
        what = "alpha. PNG, TIFF and WEBP hold it"
    elif max(picture.shape[:2]) > holds.largest:
        what = f"{max(picture.shape[:2])} pixels on a side. It holds {holds.largest}"
    if what:
        raise DataError(f"{picture.where}: cannot be written as {name}, with {what}.")
