"""Image files to upright arrays for training, with the reader of :mod:`zoo.pictures`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.errors import DataError
from zoo.pictures.orientation import upright
from zoo.pictures.picture import Array, Picture
from zoo.pictures.read import open_picture
from zoo.pictures.values import ValueRange

STACK_AXES = "IQZT"
BYTE = (np.dtype(np.uint8), 0, 255)  # values, black and white that are kept as they are


@dataclass(frozen=True)
class Header:
    """What a file says of its size: values of one channel in all pages, and bytes of each value."""

    values: int
    value_bytes: int


@dataclass(frozen=True)
class Decoded:
    """The images of a file, one for each page of a TIFF and one for any other format.

    Attributes:
        images: upright, (H, W) or (H, W, C), without an alpha channel.
        black, white: the values of both.
    """

    images: list[Array]
    black: float
    white: float


def read_header(path: Path, value_range: ValueRange | None = None) -> Header:
    """The decoded size of an image file, without decoding it.

    Raises:
        DataError: the file is missing, damaged or no image that zoo reads.
    """
    with open_picture(path) as picture:
        height, width = picture.shape[len(picture.axes) - 2 : len(picture.axes)]
        is_byte = (picture.dtype, *_range(picture, value_range)) == BYTE
        return Header(picture.n_planes * height * width, 1 if is_byte else 4)


def decode(path: Path, value_range: ValueRange | None = None) -> Decoded:
    """The images of a file, and what its values mean.

    Args:
        path: the file.
        value_range: black and white; None for those of the file's own type.

    Raises:
        DataError: the file is missing, damaged or no image that zoo reads, or a TIFF with axes that
            are not those of photographs.
    """
    with open_picture(path) as picture:
        _check_axes(path, picture)
        images = [upright(plane, picture.orientation) for plane in picture.planes()]
        return Decoded(images, *_range(picture, value_range))


def _range(picture: Picture, value_range: ValueRange | None) -> tuple[float, float]:
    return value_range.of(picture.depth) if value_range else (0.0, picture.white)


def _check_axes(path: Path, picture: Picture) -> None:
    if picture.axes.lstrip(STACK_AXES) != "YX":
        raise DataError(
            f"{path}: its axes are {picture.axes}. "
            "A TIFF holds images as YX, or a stack of them along I, Q, Z or T."
        )
