"""The images of a picture file as training takes them: their channels, and white at 1.

8-bit files stay uint8, four times smaller than float32; all others become float32 with black at 0
and white at 1. Nothing is resized, rounded to fewer bits or clipped: noise may leave [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zoo.data.decode import BYTE, opened
from zoo.errors import DataError
from zoo.pictures.picture import Array
from zoo.pictures.values import ValueRange, first_unusable

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
KEPT = (np.dtype(np.uint8), np.dtype(np.uint16))  # as files have them, where channels are the same


class ChannelsError(DataError):
    """An image of other channels than an architecture takes.

    Attributes:
        name: the image's.
        found: how many it has.
    """

    def __init__(self, name: str, found: int, wanted: int) -> None:
        self.name, self.found = name, found
        count = f"{found} channel{'s' * (found != 1)}"
        super().__init__(
            f"{name}: has {count}, and the architecture takes {wanted}. "
            f"Set input.channels = {found}."
        )


@dataclass(frozen=True)
class Page:
    """An image of a file.

    Attributes:
        pixels: (H, W, C) of the wanted channels: uint8, or float32 with black at 0, white at 1.
        stored: the shortest form that ``pixels`` can be had from again, by :func:`to_pixels`:
            integers as the file has them, grey ones with one channel, or ``pixels`` itself.
        black, white: the values of both in ``stored``.
    """

    pixels: Array
    stored: Array
    black: float
    white: float

    @property
    def tensor(self) -> Tensor:
        """The pixels as (C, H, W)."""
        return as_tensor(self.pixels)


def read_pages(
    path: Path, channels: int, value_range: ValueRange | None = None, axes: str | None = None
) -> Iterator[Page]:
    """The images of a file, one after the other; arguments and errors of ``images.read_image``."""
    with opened(path, value_range, axes) as file:
        names = page_names(str(path), file.count)
        for name, image in zip(names, file.images, strict=True):
            try:
                yield _page(name, image, file.black, file.white, channels)
            except ChannelsError as error:
                if file.count == 1 or file.count != channels or image.ndim == 3:
                    raise
                hint = f"Its {file.count} pages are images each; as channels of one, their axes"
                raise DataError(f"{error} {hint} are CYX.") from error


def page_names(name: str, pages: int) -> list[str]:
    """Names of the images of one file: ``name``, or ``name[0]``, ``name[1]``, ... of a stack."""
    return [name] if pages == 1 else [f"{name}[{page}]" for page in range(pages)]


def as_tensor(pixels: Array) -> Tensor:
    """(H, W, C) -> (C, H, W), contiguous."""
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def to_pixels(values: Array, black: float, white: float, channels: int) -> Array:
    """The pixels of what is stored of a page, or of a part of it, in the same bits."""
    if values.dtype != np.float32 and (values.dtype, black, white) != BYTE:
        values = _scaled(values, black, white)
    return values if values.shape[2] == channels else values.repeat(channels, axis=2)


def _page(name: str, image: Array, black: float, white: float, channels: int) -> Page:
    values = image if image.ndim == 3 else image[..., None]
    is_byte = (values.dtype, black, white) == BYTE
    pixels = values if is_byte else _to_floats(name, values, black, white)
    pixels = _to_channels(name, pixels, channels)  # H, W, C
    if values.dtype in KEPT and values.shape[2] in (1, channels):
        return Page(pixels, values, black, white)
    return Page(pixels, pixels, 0, 255 if is_byte else 1)


def _to_floats(name: str, image: Array, black: float, white: float) -> Array:
    """float32 with black at 0 and white at 1."""
    if wrong := first_unusable(image, black, white):
        raise DataError(
            f"{name}: a value is {wrong}. Values are finite numbers up to 1e15 times white, which "
            f"is {white:g} here."
        )
    return _scaled(image, black, white)


def _scaled(image: Array, black: float, white: float) -> Array:
    """Each value by itself, so that a part of an image has the same bits as in all of it."""
    values = image.astype(np.float64 if image.dtype.itemsize > 4 else np.float32)
    if black:
        np.subtract(values, black, out=values)
    np.divide(values, white - black, out=values)
    return values.astype(np.float32, copy=False)


def _to_channels(name: str, image: Array, channels: int) -> Array:
    found = image.shape[2]
    if found == channels:
        return image
    if (found, channels) == (1, 3):
        return image.repeat(3, axis=2)
    if (found, channels) == (3, 1):
        if image.dtype == np.uint8:
            grey = image.astype(np.float32) @ np.array(LUMINANCE, np.float32)[:, None]
            return grey.round().astype(np.uint8)
        luminance: Array = image @ np.array(LUMINANCE)[:, None]  # float64: white stays 1
        return luminance.astype(np.float32)
    raise ChannelsError(name, found, channels)
