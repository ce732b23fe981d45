"""Reading image files as (C, H, W) tensors.

8-bit files become uint8 tensors, four times smaller than float32; all others float32 with black at
0 and white at 1. Nothing is resized, rounded to fewer bits or clipped: noise may leave [0, 1].
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from zoo import limits
from zoo.data.decode import BYTE, Decoded, Header, decode, read_header
from zoo.errors import DataError, listed
from zoo.pictures.picture import Array
from zoo.pictures.values import ValueRange, first_unusable

T = TypeVar("T")

MOST_NAMED = 10  # files that cannot be read
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


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


def read_image(
    path: Path, channels: int, value_range: ValueRange | None = None, axes: str | None = None
) -> list[Tensor]:
    """The images of a file as (C, H, W) tensors, uint8 or float32 with white at 1.

    A TIFF may be a stack: each page is an image. Any other file has one (the first of an
    animation). Pages along an axis C are the channels of one image. EXIF orientation is applied
    and alpha dropped. Grey is repeated to three channels; three channels become one, as colours,
    by their luminance, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).

    Args:
        path: the file; its format is read from its content.
        channels: C of the tensors.
        value_range: values of black and white; None for those of the file's type.
        axes: a letter for each axis of a TIFF, by the user's word; None for those of the file.

    Raises:
        DataError: the file is missing, damaged, has other values than 8- or 16-bit integers and
            finite floats, or a number of channels that cannot be turned into ``channels``.
    """
    decoded = decode(path, value_range, axes)
    count = len(decoded.images)
    names = page_names(str(path), count)
    try:
        return [
            _to_tensor(name, image, decoded, channels)
            for name, image in zip(names, decoded.images, strict=True)
        ]
    except ChannelsError as error:
        if count == 1 or count != channels or decoded.images[0].ndim == 3:
            raise
        hint = f"Its {count} pages are images each; as channels of one, their axes are CYX."
        raise DataError(f"{error} {hint}") from error


def read_images(
    paths: Sequence[Path],
    channels: int,
    *,
    value_range: ValueRange | None = None,
    axes: str | None = None,
    memory_limit: int | None = None,
) -> list[list[Tensor]]:
    """:func:`read_image` of each path, in order, on several threads.

    Args:
        paths: the files.
        channels: C of the tensors.
        value_range: values of black and white; None for those of each file's type.
        axes: a letter for each axis of a TIFF, by the user's word; None for those of the file.
        memory_limit: bytes that all images together may take, with what training copies of them;
            None for three quarters of the memory that this process may still use.

    Raises:
        DataError: as for :func:`read_image`, or the images would take more than ``memory_limit``.
    """
    limit = most_memory() if memory_limit is None else memory_limit
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        headers = _each(pool, lambda path: read_header(path, value_range, axes), paths)
        needed = training_bytes(headers, channels)
        if limit is not None and needed > limit:
            raise DataError(
                f"{len(paths)} images from {paths[0]} on: decoded, and copied to train on, they "
                f"take {format_bytes(needed)}, more than the {format_bytes(limit)} allowed here. "
                "Use fewer or smaller images."
            )
        return _each(pool, lambda path: read_image(path, channels, value_range, axes), paths)


def _each(pool: Executor, read: Callable[[Path], T], paths: Sequence[Path]) -> list[T]:
    """What ``read`` gives for each path.

    Raises:
        DataError: a line for each of the first that cannot be read.
    """
    results: list[T] = []
    unreadable: list[str] = []
    channels: dict[int, list[ChannelsError]] = {}
    for future in [pool.submit(read, path) for path in paths]:
        try:
            results.append(future.result())
        except ChannelsError as error:
            channels.setdefault(error.found, []).append(error)
        except DataError as error:
            unreadable += map(str, error.args)
    count = len(unreadable) + sum(map(len, channels.values()))
    for errors in channels.values():  # the architecture's fault, not the files'
        unreadable.append(_together(errors))
    if unreadable and len(paths) > 1:
        left = len(unreadable) - MOST_NAMED
        more = f", {left:,} more than are named" if left > 0 else ""
        summary = f"{count:,} of {len(paths):,} picture files cannot be used{more}"
        unreadable = [*unreadable[:MOST_NAMED], f"{summary}. Mend them, or take them out."]
    if unreadable:
        raise DataError(*unreadable)
    return results


def _together(errors: Sequence[ChannelsError]) -> str:
    """What is wrong with the channels of some images, once."""
    if len(errors) == 1:
        return str(errors[0])
    files = f"{len(errors):,} files ({listed(error.name for error in errors)})"
    return f"{files}: each {str(errors[0]).removeprefix(f'{errors[0].name}: ')}"


def page_names(name: str, pages: int) -> list[str]:
    """Names of the images of one file: ``name``, or ``name[0]``, ``name[1]``, ... of a stack."""
    return [name] if pages == 1 else [f"{name}[{page}]" for page in range(pages)]


def training_bytes(headers: Sequence[Header], channels: int) -> int:
    """Memory that images take at most: as they are kept, and as training copies them.

    All are packed into one tensor (:class:`zoo.data.crops.Photographs`), which is of float32 if one
    of them is.
    """
    packed = max((header.value_bytes for header in headers), default=1)
    return sum(
        header.values * channels * (header.value_bytes + packed)
        + (header.values * channels * packed if header.value_bytes < packed else 0)
        for header in headers
    )


def most_memory() -> int | None:
    """Three quarters of the memory that this process may still use; None where nothing tells."""
    available = limits.memory().available
    return None if available is None else available // 4 * 3


def format_bytes(count: int) -> str:
    """Bytes in MiB or GiB, as in ``1.5 GiB``."""
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def _to_tensor(name: str, image: Array, decoded: Decoded, channels: int) -> Tensor:
    image = image if image.ndim == 3 else image[..., None]
    if (image.dtype, decoded.black, decoded.white) != BYTE:
        image = _to_floats(name, image, decoded)
    image = _to_channels(name, image, channels)  # H, W, C
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _to_floats(name: str, image: Array, decoded: Decoded) -> Array:
    """float32 with black at 0 and white at 1."""
    if wrong := first_unusable(image, decoded.black, decoded.white):
        raise DataError(
            f"{name}: a value is {wrong}. Values are finite numbers up to 1e15 times white, which "
            f"is {decoded.white:g} here."
        )
    values = image.astype(np.float64 if image.dtype.itemsize > 4 else np.float32)
    if decoded.black:
        np.subtract(values, decoded.black, out=values)
    np.divide(values, decoded.white - decoded.black, out=values)
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
