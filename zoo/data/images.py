"""Reading image files as (C, H, W) tensors.

8-bit files become uint8 tensors, four times smaller than float32; all others float32 with black at
0 and white at 1. Nothing is resized, rounded to fewer bits or clipped: noise may leave [0, 1].
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from torch import Tensor

from zoo import limits
from zoo.data.decode import Header, read_header
from zoo.data.pages import ChannelsError, read_pages
from zoo.data.stored import Image
from zoo.errors import DataError, listed
from zoo.pictures.values import ValueRange

if TYPE_CHECKING:
    from zoo.data.cache.cache import PictureCache

S = TypeVar("S")
T = TypeVar("T")

AT_ONCE = 1024  # picture files that threads are given at once
MOST_NAMED = 10  # files that cannot be read


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
    return [page.tensor for page in read_pages(path, channels, value_range, axes)]


def read_images(
    paths: Sequence[Path],
    channels: int,
    *,
    value_range: ValueRange | None = None,
    axes: str | None = None,
    memory_limit: int | None = None,
    picture_cache: PictureCache | None = None,
) -> Sequence[Sequence[Image]]:
    """:func:`read_image` of each path, in order, on several threads.

    Args:
        paths: the files.
        channels: C of the tensors.
        value_range: values of black and white; None for those of each file's type.
        axes: a letter for each axis of a TIFF, by the user's word; None for those of the file.
        memory_limit: bytes that all images together may take, with what training copies of them;
            None for three quarters of the memory that this process may still use.
        picture_cache: where they are read from, and what is not there is kept; no image is in
            memory then. None for none.

    Raises:
        DataError: as for :func:`read_image`, or the images would take more than ``memory_limit``.
    """
    if picture_cache is not None:
        return picture_cache.read(paths, channels, value_range, axes)
    limit = most_memory() if memory_limit is None else memory_limit
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        headers = each(pool, lambda path: read_header(path, value_range, axes), paths)
        needed = training_bytes(headers, channels)
        if limit is not None and needed > limit:
            raise DataError(
                f"{len(paths)} images from {paths[0]} on: decoded, and copied to train on, they "
                f"take {format_bytes(needed)}, more than the {format_bytes(limit)} allowed here. "
                "Use fewer or smaller images, or keep them on a disk with --cache."
            )
        return each(pool, lambda path: read_image(path, channels, value_range, axes), paths)


def each(
    pool: Executor,
    read: Callable[[S], T],
    items: Sequence[S],
    on_done: Callable[[int], object] = lambda done: None,
) -> list[T]:
    """What ``read`` gives for each of some picture files, in their order.

    They are not begun in that order, so that several processes that share the work do not all do
    the same.

    Args:
        pool: where it is called.
        read: raises a DataError for a file that cannot be read.
        items: the files.
        on_done: told how many are done.

    Raises:
        DataError: a line for each of the first that cannot be read.
    """
    results: dict[int, T] = {}
    errors: dict[int, DataError] = {}
    for first in range(0, len(items), AT_ONCE):
        order = list(range(first, min(first + AT_ONCE, len(items))))
        random.Random().shuffle(order)
        futures = {pool.submit(read, items[index]): index for index in order}
        try:
            for future in as_completed(futures):
                try:
                    results[futures[future]] = future.result()
                except DataError as error:
                    errors[futures[future]] = error
                on_done(len(results) + len(errors))
        finally:
            for future in futures:
                future.cancel()
    if errors:
        raise _unreadable([errors[index] for index in sorted(errors)], len(items))
    return [results[index] for index in range(len(items))]


def _unreadable(errors: Sequence[DataError], count: int) -> DataError:
    """What to raise for some of ``count`` files."""
    lines: list[str] = []
    channels: dict[int, list[ChannelsError]] = {}
    for error in errors:
        if isinstance(error, ChannelsError):
            channels.setdefault(error.found, []).append(error)
        else:
            lines += map(str, error.args)
    lines += map(_together, channels.values())  # the architecture's fault, not the files'
    if count > 1:
        wrong = len(lines) - len(channels) + sum(map(len, channels.values()))
        left = len(lines) - MOST_NAMED
        more = f", {left:,} more than are named" if left > 0 else ""
        summary = f"{wrong:,} of {count:,} picture files cannot be used{more}"
        lines = [*lines[:MOST_NAMED], f"{summary}. Mend them, or take them out."]
    return DataError(*lines)


def _together(errors: Sequence[ChannelsError]) -> str:
    """What is wrong with the channels of some images, once."""
    if len(errors) == 1:
        return str(errors[0])
    files = f"{len(errors):,} files ({listed(error.name for error in errors)})"
    return f"{files}: each {str(errors[0]).removeprefix(f'{errors[0].name}: ')}"


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
