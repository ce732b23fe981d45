"""Image files to upright arrays for training, with the reader of :mod:`zoo.pictures`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

from zoo.errors import DataError
from zoo.pictures.channel_pages import ROWS, channel_pages
from zoo.pictures.orientation import upright
from zoo.pictures.picture import Array, Picture
from zoo.pictures.read import open_picture
from zoo.pictures.values import ValueRange

STACK_AXES = "IQZTC"
BYTE = (np.dtype(np.uint8), 0, 255)  # values, black and white that are kept as they are


@dataclass(frozen=True)
class Header:
    """What a file says of its size: values of one channel in all pages, and bytes of each value."""

    values: int
    value_bytes: int


@dataclass(frozen=True)
class Opened:
    """The images of a file: those of a TIFF's pages, and one of any other format.

    Attributes:
        images: upright, (H, W) or (H, W, C), without an alpha channel; each is decoded when it is
            asked for.
        count: how many there are.
        black, white: the values of both.
    """

    images: Iterator[Array]
    count: int
    black: float
    white: float


def read_header(
    path: Path, value_range: ValueRange | None = None, axes: str | None = None
) -> Header:
    """The decoded size of an image file, without decoding it; arguments as of :func:`opened`.

    Raises:
        DataError: the file is missing, damaged or no image that zoo reads.
    """
    with open_picture(path) as picture:
        together = channel_pages(picture, axes)
        values = prod(picture.shape[: len(picture.axes)])
        values //= together.channels if together.pages > 1 else 1
        is_byte = (picture.dtype, *_range(picture, value_range)) == BYTE
        return Header(values, 1 if is_byte else 4)


@contextmanager
def opened(
    path: Path, value_range: ValueRange | None = None, axes: str | None = None
) -> Iterator[Opened]:
    """The images of a file while it is open, and what its values mean.

    Args:
        path: the file.
        value_range: black and white; None for those of the file's own type.
        axes: a letter for each axis, by the user's word; None for those of the file.

    Raises:
        DataError: the file is missing, damaged or no image that zoo reads, or a TIFF with axes that
            are not those of photographs, or not those that the user says.
    """
    with open_picture(path) as picture:
        if axes is None:
            _check_axes(path, picture)
        together = channel_pages(picture, axes)
        runs = together.pictures(picture.planes())
        images = (upright(image, picture.orientation) for run in runs for image in run)
        yield Opened(images, together.count(picture.n_planes), *_range(picture, value_range))


def _range(picture: Picture, value_range: ValueRange | None) -> tuple[float, float]:
    return value_range.of(picture.depth) if value_range else (0.0, picture.white)


def _check_axes(path: Path, picture: Picture) -> None:
    stack = picture.axes.removesuffix(ROWS).removesuffix("YX")
    if stack.strip(STACK_AXES) or (picture.channels > 1 and "C" in picture.axes):
        colours = f", with {picture.channels} channels in a page" if picture.channels > 1 else ""
        raise DataError(
            f"{path}: its axes are {picture.axes}{colours}. A TIFF holds images as YX, or a stack "
            "of them along I, Q, Z or T, and their channels along C or in a page."
        )
