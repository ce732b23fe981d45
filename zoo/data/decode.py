"""Image files to upright arrays for training, with the reader of :mod:`zoo.pictures`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.errors import DataError
from zoo.pictures.orientation import upright
from zoo.pictures.picture import Array, Picture
from zoo.pictures.read import open_picture

STACK_AXES = "IQZT"


@dataclass(frozen=True)
class Header:
    """What a file says of its size: values of one channel in all pages, and bytes of each value."""

    values: int
    value_bytes: int


def read_header(path: Path) -> Header:
    """The decoded size of an image file, without decoding it.

    Raises:
        DataError: the file is missing, damaged or no image that zoo reads.
    """
    with open_picture(path) as picture:
        height, width = picture.shape[len(picture.axes) - 2 : len(picture.axes)]
        return Header(picture.n_planes * height * width, 1 if picture.white == 255 else 4)


def decode(path: Path) -> tuple[list[Array], float]:
    """The images of a file, one for each page of a TIFF and one for any other format.

    Returns:
        Each image upright, (H, W) or (H, W, C), without its alpha channel; and the value of white.

    Raises:
        DataError: the file is missing, damaged or no image that zoo reads, or a TIFF with axes that
            are not those of photographs.
    """
    with open_picture(path) as picture:
        _check_axes(path, picture)
        images = [upright(plane, picture.orientation) for plane in picture.planes()]
        return images, picture.white


def _check_axes(path: Path, picture: Picture) -> None:
    if picture.axes.lstrip(STACK_AXES) != "YX":
        raise DataError(
            f"{path}: its axes are {picture.axes}. "
            "A TIFF holds images as YX, or a stack of them along I, Q, Z or T."
        )
