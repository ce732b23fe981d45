"""The file that a picture file has in a cache: pixels of its images, and what they are.

First the pixels of each image, one after the other, as :class:`~zoo.data.stored.StoredImage` reads
them; then JSON that says what they are; then :data:`END`: the length of that, its sha256, and what
the file is. What it says is used only where all of it fits the file.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from zoo.data.cache.known import Known
from zoo.data.fingerprint import THUMBNAIL, facts_of
from zoo.data.pages import Page
from zoo.data.stored import BAND, Facts, StoredImage
from zoo.files import open_regular, write_atomically
from zoo.pictures.picture import Array

END = struct.Struct("<Q32s8s")
MARK = b"zoopic01"
MOST_SAID = 2**26  # bytes of JSON: 100,000 pages
TYPES = ("uint8", "uint16", "float32")
SHA256 = re.compile(r"[0-9a-f]{64}")


class DamagedError(ValueError):
    """A file that is no entry, or not as it was written."""


def write_entry(path: Path, key: str, pages: Iterable[Page]) -> None:
    """Write the file of some images, which is complete or not there.

    One image at a time is in memory.

    Args:
        path: the file; one that is there is replaced.
        key: what it is known by.
        pages: one or more.

    Raises:
        WriteError: it cannot be written.
        DataError: of ``pages``.
    """
    write_atomically(path, lambda stream: _write(stream, key, pages))


def read_entry(path: Path, key: str, together: Known) -> list[StoredImage]:
    """The images of a file, of which only the end is read.

    Args:
        path: the file.
        key: what it is known by.
        together: of the images, see :class:`~zoo.data.stored.StoredImage`.

    Raises:
        DamagedError: it is no entry of that key, was cut short, or what it says is impossible.
        OSError: it cannot be read.
    """
    with open_regular(path) as stream:
        size = os.fstat(stream.fileno()).st_size
        text = _said(stream, size)
    try:
        content = json.loads(text)
        if content["key"] != key:
            raise DamagedError
        images = list(_images(path, content["images"], together))
    except (ValueError, KeyError, TypeError, RecursionError, OverflowError) as error:
        raise DamagedError(str(path)) from error
    if not images or images[-1].end + len(text) + END.size != size:
        raise DamagedError(str(path))
    return images


def is_whole(images: Iterable[StoredImage]) -> bool:
    """Whether the pixels of all images of a file are those that were written; reads all of it."""
    return all(facts_of(image.read()) == image.facts for image in images)


def _write(stream: BinaryIO, key: str, pages: Iterable[Page]) -> None:
    said: list[dict[str, Any]] = []
    for page in pages:
        tensor = page.tensor
        facts = facts_of(tensor)
        said.append(
            {
                "shape": tuple(tensor.shape),
                "channels": page.stored.shape[2],
                "type": page.stored.dtype.name,
                "black": float(page.black),
                "white": float(page.white),
                "facts": {**asdict(facts), "thumbnail": facts.thumbnail.hex()},
            }
        )
        for band in _bands(page.stored):
            stream.write(band)
    text = json.dumps({"key": key, "images": said}, allow_nan=False).encode()
    stream.write(text)
    stream.write(END.pack(len(text), hashlib.sha256(text).digest(), MARK))


def _bands(values: Array) -> Iterator[memoryview]:
    for start in range(0, values.shape[1], BAND):
        yield np.ascontiguousarray(values[:, start : start + BAND]).data


def _said(stream: BinaryIO, size: int) -> bytes:
    """The JSON of a file of that size."""
    if size < END.size:
        raise DamagedError
    stream.seek(size - END.size)
    length, digest, mark = END.unpack(stream.read(END.size))
    if mark != MARK or length > min(MOST_SAID, size - END.size):
        raise DamagedError
    stream.seek(size - END.size - length)
    text = stream.read(length)
    if hashlib.sha256(text).digest() != digest:
        raise DamagedError
    return text


def _images(path: Path, said: Iterable[Any], together: Known) -> Iterator[StoredImage]:
    offset = 0
    for of in said:
        channels, height, width = of["shape"]
        black, white = of["black"], of["white"]
        small = bytes.fromhex(of["facts"]["thumbnail"])
        facts = Facts(**{**of["facts"], "thumbnail": small})
        if (
            of["type"] not in TYPES
            or not all(type(side) is int and side > 0 for side in of["shape"])
            or not all(map(math.isfinite, (black, white, facts.low, facts.high)))
            or not black < white
            or not SHA256.fullmatch(facts.sha256)
            or len(small) != 4 * THUMBNAIL**2
            or of["channels"] not in (1, channels)
            or not type(facts.even) is type(facts.grey) is bool
        ):
            raise DamagedError
        kind = np.dtype(of["type"])
        shape = channels, height, width
        image = StoredImage(
            path, offset, shape, of["channels"], kind, black, white, facts, together
        )
        yield image
        offset = image.end
