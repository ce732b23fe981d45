"""Reading image files as (C, H, W) tensors.

8-bit files become uint8 tensors, four times smaller than float32; 16-bit and float files become
float32 in [0, 1]. Nothing is resized, rounded to fewer bits or clipped.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zoo import limits
from zoo.data.decode import decode, read_header
from zoo.errors import DataError
from zoo.pictures.picture import Array

LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


def read_image(path: Path, channels: int) -> list[Tensor]:
    """The images of a file as (C, H, W) tensors, uint8 or float32 in [0, 1].

    A TIFF may be a stack: each page is an image. Any other file has one (the first of an
    animation). EXIF orientation is applied and alpha dropped. Grey is repeated to three channels;
    colour becomes one channel by its luminance, 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601).

    Args:
        path: the file; its format is read from its content.
        channels: C of the tensors.

    Raises:
        DataError: the file is missing, damaged, has other values than 8- or 16-bit integers and
            floats in [0, 1], or a number of channels that cannot be turned into ``channels``.
    """
    return _read(path, channels)


def read_images(
    paths: Sequence[Path], channels: int, *, memory_limit: int | None = None
) -> list[list[Tensor]]:
    """:func:`read_image` of each path, in order, on several threads.

    Args:
        paths: the files.
        channels: C of the tensors.
        memory_limit: bytes that all images together may take; None for half of the machine's
            physical memory.

    Raises:
        DataError: as for :func:`read_image`, or the images would take more than ``memory_limit``.
    """
    limit = half_of_memory() if memory_limit is None else memory_limit
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        needed = sum(pool.map(lambda path: _decoded_bytes(path, channels), paths))
        if limit is not None and needed > limit:
            raise DataError(
                f"{len(paths)} images from {paths[0]} on: decoded they take {_size(needed)}, more "
                f"than the {_size(limit)} allowed here. Use fewer or smaller images."
            )
        return list(pool.map(lambda path: _read(path, channels), paths))


def page_names(name: str, pages: int) -> list[str]:
    """Names of the images of one file: ``name``, or ``name[0]``, ``name[1]``, ... of a stack."""
    return [name] if pages == 1 else [f"{name}[{page}]" for page in range(pages)]


def half_of_memory() -> int | None:
    """Half of the memory that this process may use, in bytes; None where nothing tells."""
    usable = limits.memory().usable
    return None if usable is None else usable // 2


def _read(path: Path, channels: int) -> list[Tensor]:
    images, white = decode(path)
    return [_to_tensor(path, image, white, channels) for image in images]


def _decoded_bytes(path: Path, channels: int) -> int:
    header = read_header(path)
    return header.values * channels * header.value_bytes


def _to_tensor(path: Path, image: Array, white: float, channels: int) -> Tensor:
    image = _to_unit_range(path, image if image.ndim == 3 else image[..., None], white)
    image = _to_channels(path, image, channels)  # H, W, C
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def _to_unit_range(path: Path, image: Array, white: float) -> Array:
    """uint8 as it is, anything else as float32 in [0, 1]."""
    if image.dtype == np.uint8:
        return image
    if image.dtype == np.uint16:
        return image.astype(np.float32) / np.float32(white)
    low, high = image.min(), image.max()  # NaN if any value is
    if not (low >= 0 and high <= 1):
        raise DataError(
            f"{path}: its values range from {low:g} to {high:g}. Floats must be in [0, 1]."
        )
    return image.astype(np.float32)


def _to_channels(path: Path, image: Array, channels: int) -> Array:
    found = image.shape[2]
    if found == channels:
        return image
    if (found, channels) == (1, 3):
        return image.repeat(3, axis=2)
    if (found, channels) == (3, 1):
        grey = image.astype(np.float32) @ np.array(LUMINANCE, np.float32)[:, None]
        return grey.round().astype(np.uint8) if image.dtype == np.uint8 else grey.clip(0, 1)
    raise DataError(
        f"{path}: the image has {found} channels where {channels} are needed. "
        "Only 1 and 3 can be turned into each other."
    )


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"
