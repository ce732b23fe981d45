"""Finding and reading image files as (C, H, W) tensors.

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
from zoo.data.decode import Header, decode, read_header
from zoo.errors import DataError
from zoo.pictures.picture import Array

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
LUMINANCE = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601


def find_images(folder: Path) -> list[Path]:
    """All image files under ``folder``, sorted by their path relative to it.

    Hidden files and folders are skipped, symbolic links to folders are not followed.

    Raises:
        DataError: the folder is missing, not a folder, unreadable or without an image.
    """
    found: list[Path] = []
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(parent, name) for name in files if _is_image_name(name)]
    if not found:
        suffixes = " ".join(suffix.removeprefix(".") for suffix in SUFFIXES)
        raise DataError(f"{folder}: no image in this folder. Suffixes are {suffixes}.")
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())


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
        memory_limit: bytes that all images together may take, with what training copies of them;
            None for three quarters of the memory that this process may still use.

    Raises:
        DataError: as for :func:`read_image`, or the images would take more than ``memory_limit``.
    """
    limit = most_memory() if memory_limit is None else memory_limit
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        needed = training_bytes(list(pool.map(read_header, paths)), channels)
        if limit is not None and needed > limit:
            raise DataError(
                f"{len(paths)} images from {paths[0]} on: decoded, and copied to train on, they "
                f"take {format_bytes(needed)}, more than the {format_bytes(limit)} allowed here. "
                "Use fewer or smaller images."
            )
        return list(pool.map(lambda path: _read(path, channels), paths))


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


def _refuse(error: OSError) -> None:
    reason = {
        FileNotFoundError: "no such folder",
        NotADirectoryError: "not a folder",
        PermissionError: "permission denied",
    }.get(type(error), error.strerror)
    raise DataError(f"{error.filename}: {reason}. Give a folder of images.") from error


def _is_image_name(name: str) -> bool:
    return not name.startswith(".") and name.lower().endswith(SUFFIXES)


def _read(path: Path, channels: int) -> list[Tensor]:
    images, white = decode(path)
    return [_to_tensor(path, image, white, channels) for image in images]


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
