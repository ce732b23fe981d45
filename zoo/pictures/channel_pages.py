"""Channels that a TIFF stores in pages of their own, or row by row, put together to pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import prod

import numpy as np

from zoo.errors import DataError
from zoo.pictures.picture import Array, Picture

ROWS = "YXC"  # a page is a row of a picture


@dataclass(frozen=True)
class ChannelPages:
    """How the planes of a file and the pictures in it belong together.

    Attributes:
        channels: C of a picture.
        pages: planes that follow each other and hold all channels of some pictures.
        rows: whether a plane is a row (X, C) of a picture, not one of its channels (Y, X).
    """

    channels: int
    pages: int = 1
    rows: bool = False

    def count(self, planes: int) -> int:
        """How many pictures there are in so many planes."""
        return planes // (1 if self.pages == 1 else self.pages if self.rows else self.channels)

    def pictures(self, planes: Iterable[Array]) -> Iterator[list[Array]]:
        """The pictures (H, W) or (H, W, C) of each run of planes.

        A run at a time is in memory, until its list is emptied.
        """
        remaining = iter(planes)
        while run := list(islice(remaining, self.pages)):
            pictures = self._pictures(run)
            run.clear()
            yield pictures

    def planes(self, pictures: Sequence[Array]) -> Iterator[Array]:
        """The planes of the pictures of a run."""
        if self.pages == 1:
            yield from pictures
        elif self.rows:
            yield from pictures[0]
        else:
            for channel in range(self.channels):
                yield from (picture[..., channel] for picture in pictures)

    def _pictures(self, run: list[Array]) -> list[Array]:
        if self.pages == 1:
            return [*run]
        if self.rows:
            return [np.stack(run)]
        step = self.pages // self.channels
        return [np.stack(run[first::step], axis=-1) for first in range(step)]


def channel_pages(picture: Picture, axes: str | None = None) -> ChannelPages:
    """How the planes of a file are put together by its axes.

    Args:
        picture: open.
        axes: what the axes are by the user's word; None for those of the file.

    Raises:
        DataError: the axes that the user gives do not fit the picture.
    """
    letters = picture.axes if axes is None else _pages_of(picture, axes)
    if letters.endswith(ROWS):
        return ChannelPages(picture.shape[-1], picture.shape[-3], rows=True)
    place = letters[:-2].find("C")
    if place == -1 or picture.channels > 1 or picture.shape[place] == 1:
        return ChannelPages(picture.channels)
    return ChannelPages(picture.shape[place], prod(picture.shape[place : len(letters) - 2]))


def _pages_of(picture: Picture, axes: str) -> str:
    """The letters, in capitals and without that of the channels in a page."""
    letters = axes.upper()
    pages = letters[:-1] if picture.channels > 1 and letters[-1:] in ("S", "C") else letters
    fits = pages.endswith(("YX", ROWS)) and len(pages) == len(picture.axes)
    if not fits or len(set(letters)) != len(letters):
        stored = picture.axes + ("S" if picture.channels > 1 else "")
        sizes = " x ".join(map(str, picture.shape))
        raise DataError(
            f"{picture.where}: its axes are {stored}, {sizes}, and --axes is {axes}. "
            "Use as many letters, each once, with YX for a page."
        )
    return pages
