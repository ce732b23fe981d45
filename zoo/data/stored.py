"""Images whose pixels are in a file of a picture cache, and what all images have in common.

Nothing is mapped: each read takes the rows that it needs. Memory that is mapped counts as the
process's own until the system takes it back, and a file that is cut short would end the process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo.data.cache.known import Known
from zoo.data.pages import as_tensor, to_pixels
from zoo.errors import DataError, printable
from zoo.pictures.picture import Array

BAND = 128  # columns that are stored together: a crop reads little beside it, also of wide images
WHITE: Mapping[torch.dtype, float] = {torch.uint8: 255.0, torch.float32: 1.0}


class LostError(DataError):
    """Pixels that were in a cache and cannot be read any more."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an image without reading its pixels.

    Attributes:
        sha256: of :func:`zoo.data.fingerprint.pixel_hashes`.
        thumbnail: of :func:`zoo.data.fingerprint.thumbnail`, 64 float32 as bytes.
        low, high: the least and the greatest value, white at 255 or 1.
        even: whether all pixels are the same.
        grey: whether all channels are.
    """

    sha256: str
    thumbnail: bytes
    low: float
    high: float
    even: bool
    grey: bool


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image in a file, read when it is asked for.

    In the file stand bands of :data:`BAND` columns, one after the other, each with its rows in
    order and the channels of a pixel side by side.

    Attributes:
        path: the file.
        offset: of its first byte.
        shape: C, H and W.
        channels: in the file: C, or 1 where all C of them are repetitions of that.
        values: the type of the values in the file.
        black, white: the values of both there.
        facts: what is known of it.
        together: what is known of several images of the cache, such as the hash of a pair.
    """

    path: Path
    offset: int
    shape: tuple[int, int, int]
    channels: int
    values: np.dtype[Any]
    black: float
    white: float
    facts: Facts
    together: Known = field(compare=False, repr=False)

    @property
    def dtype(self) -> torch.dtype:
        """Of its pixels: uint8, or float32 with white at 1."""
        empty = to_pixels(np.empty((0, 0, 1), self.values), self.black, self.white, 1)
        return torch.uint8 if empty.dtype == np.uint8 else torch.float32

    @property
    def end(self) -> int:
        """The place after its last byte in the file."""
        _, height, width = self.shape
        return self.offset + height * width * self.channels * self.values.itemsize

    @property
    def ndim(self) -> int:
        """3."""
        return len(self.shape)

    def numel(self) -> int:
        """How many values it has."""
        channels, height, width = self.shape
        return channels * height * width

    def window(self, top: int, left: int, height: int, width: int) -> Array:
        """The pixels (height, width, C) of a part that lies in the image.

        Raises:
            LostError: the file is gone or cut short.
        """
        _, rows, columns = self.shape
        pixel = self.channels * self.values.itemsize
        window = np.empty((height, width, self.channels), self.values)
        with self._open() as file:
            for start in range(left // BAND * BAND, left + width, BAND):
                across = min(BAND, columns - start)
                file.seek(self.offset + (start * rows + top * across) * pixel)
                part = np.empty((height, across, self.channels), self.values)
                self._fill(file, part)
                first, last = max(start, left), min(start + across, left + width)
                window[:, first - left : last - left] = part[:, first - start : last - start]
        return to_pixels(window, self.black, self.white, self.shape[0])

    def read(self) -> Tensor:
        """All of it, (C, H, W)."""
        return as_tensor(self.window(0, 0, *self.shape[1:]))

    def _open(self) -> FileIO:
        try:
            return FileIO(self.path)
        except OSError as error:
            raise self._lost(error.strerror or str(error)) from error

    def _fill(self, file: FileIO, part: Array) -> None:
        left = part.reshape(-1).view(np.uint8).data
        while left:
            try:
                count = file.readinto(left)
            except OSError as error:
                raise self._lost(error.strerror or str(error)) from error
            if not count:
                raise self._lost("it has become shorter")
            left = left[count:]

    def _lost(self, reason: str) -> LostError:
        return LostError(
            f"{printable(str(self.path))}: cannot be read any more: {reason}. Leave the files of a "
            "cache as they are while it is used; what is missing is decoded again by the next "
            "command."
        )


Image = Tensor | StoredImage


def pixels_of(image: Image) -> Tensor:
    """All of an image, (C, H, W): the tensor itself, or what is read."""
    return image.read() if isinstance(image, StoredImage) else image


def window_of(image: Image, top: int, left: int, height: int, width: int) -> Array:
    """A part of an image, (height, width, C), smaller where the image ends before."""
    if not isinstance(image, StoredImage):
        part = image[:, top : top + height, left : left + width]
        return part.permute(1, 2, 0).numpy()
    _, rows, columns = image.shape
    return image.window(top, left, min(height, rows - top), min(width, columns - left))


def low_and_high(image: Image) -> tuple[float, float]:
    """The least and the greatest value, as a part of white."""
    if isinstance(image, StoredImage):
        low, high = image.facts.low, image.facts.high
    else:
        low, high = (float(value) for value in image.aminmax())
    return low / WHITE[image.dtype], high / WHITE[image.dtype]


def is_even(image: Image) -> bool:
    """Whether all pixels are the same."""
    if isinstance(image, StoredImage):
        return image.facts.even
    first = image[:, :1, :1]
    return bool((image[:, :1] == first).all() and (image == first).all())


def is_grey(image: Image) -> bool:
    """Whether all channels are the same."""
    if isinstance(image, StoredImage):
        return image.facts.grey
    return bool((image[:, :1] == image[:1, :1]).all() and (image == image[:1]).all())


def are_same(first: Image, second: Image) -> bool:
    """Whether two images have the same pixels."""
    if isinstance(first, StoredImage) and isinstance(second, StoredImage):
        return first.facts.sha256 == second.facts.sha256
    return torch.equal(pixels_of(first), pixels_of(second))
