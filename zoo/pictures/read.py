"""Opening a picture file of any format."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from zoo.pictures.bmp import BmpPicture
from zoo.pictures.jpeg import JpegPicture
from zoo.pictures.limits import default_max_pixels
from zoo.pictures.picture import Picture
from zoo.pictures.png import PngPicture
from zoo.pictures.source import find_format, open_source, quiet_decoders
from zoo.pictures.tiff_read import TiffPicture
from zoo.pictures.webp import WebpPicture

READERS: Mapping[str, type[PngPicture | JpegPicture | TiffPicture | BmpPicture | WebpPicture]] = {
    reader.format: reader
    for reader in (PngPicture, JpegPicture, TiffPicture, BmpPicture, WebpPicture)
}


def open_picture(source: str | Path | BinaryIO, *, max_pixels: int | None = None) -> Picture:
    """Read a picture file's header; pixels are read when they are asked for.

    Args:
        source: a file, or a stream of bytes, which is read to its end and stays open.
        max_pixels: how many pixels of a plane are refused before any is decoded; None for half of
            the memory, and at least 300 million.

    Returns:
        The open picture, a context manager. Its format is told from its content.

    Raises:
        DataError: no regular file, damaged, too large, or not a picture that zoo reads.
    """
    quiet_decoders()
    where, stream, head = open_source(source)
    limit = default_max_pixels() if max_pixels is None else max_pixels
    try:
        return READERS[find_format(head)](where, stream, limit)
    except BaseException:
        stream.close()
        raise
