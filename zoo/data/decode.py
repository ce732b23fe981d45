"""Image files to arrays: Pillow for 8-bit formats, imagecodecs for 16-bit PNG, tifffile for TIFF.

Pillow cuts 16-bit colour to 8 bits without a word, so PNGs of that depth go to imagecodecs. The
format is read from the content, never from the suffix.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from zoo.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]

FORMATS = ("PNG", "JPEG", "BMP", "WEBP")
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
ORIENTATION = 274  # the tag's number, the same in EXIF and TIFF
STACK_AXES = "IQZT"


@dataclass(frozen=True)
class Header:
    """What a file says of its size: values of one channel in all pages, and bytes of each value."""

    values: int
    value_bytes: int


def read_header(path: Path) -> Header:
    """The decoded size of an image file, without decoding it.

    Raises:
        Exception: whatever the decoder raises for a damaged file.
    """
    head = _head(path)
    if head.startswith(TIFF_SIGNATURES):
        with tifffile.TiffFile(path) as tiff:
            values = sum(_values_of_series(series) for series in tiff.series)
            return Header(values, 1 if tiff.series[0].dtype.itemsize == 1 else 4)
    with Image.open(path, formats=FORMATS) as image:
        return Header(image.width * image.height, 4 if _is_png16(head) else 1)


def decode(path: Path) -> list[Array]:
    """The images of a file, one for each page of a TIFF and one for any other format.

    Each is an upright (H, W) or (H, W, C) array of bool, uint8, uint16 or whatever type the TIFF
    has, without its alpha channel.

    Raises:
        DataError: a TIFF with axes or colours that are not those of photographs.
        Exception: whatever the decoder raises for a damaged file.
    """
    head = _head(path)
    if head.startswith(TIFF_SIGNATURES):
        return _decode_tiff(path)
    return [_decode_png16(path) if _is_png16(head) else _decode_with_pillow(path)]


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(25)


def _is_png16(head: bytes) -> bool:
    return head.startswith(PNG_SIGNATURE) and head[24:25] == b"\x10"  # IHDR's bit depth


def _decode_with_pillow(path: Path) -> Array:
    with Image.open(path, formats=FORMATS) as image:
        grey = image.mode in ("1", "L", "LA")
        pixels = np.array(image.convert("L" if grey else "RGB"))
        return _upright(pixels, image.getexif().get(ORIENTATION))


def _decode_png16(path: Path) -> Array:
    pixels: Array = imagecodecs.png_decode(path.read_bytes())
    if pixels.ndim == 3:  # grey or RGB, and alpha
        pixels = pixels[..., :1] if pixels.shape[2] == 2 else pixels[..., :3]
    with Image.open(path, formats=FORMATS) as image:
        return _upright(pixels, image.getexif().get(ORIENTATION))


def _decode_tiff(path: Path) -> list[Array]:
    with tifffile.TiffFile(path) as tiff:
        return [image for series in tiff.series for image in _decode_series(path, series)]


def _decode_series(path: Path, series: tifffile.TiffPageSeries) -> list[Array]:
    axes = str(series.axes)
    samples = axes.endswith("S")
    if axes.removesuffix("S").lstrip(STACK_AXES) != "YX":
        raise DataError(
            f"{path}: its axes are {axes}. "
            "A TIFF holds images as YX or YXS, or a stack of them along I, Q, Z or T."
        )
    page = series.keyframe
    pixels: Array = series.asarray()
    pixels = pixels.reshape(-1, *pixels.shape[-3 if samples else -2 :])
    pixels = _true_colours(path, page, pixels)
    orientation = page.tags.valueof(ORIENTATION)
    return [_upright(image, orientation) for image in pixels]


def _true_colours(path: Path, page: tifffile.TiffPage, pixels: Array) -> Array:
    photometric = tifffile.PHOTOMETRIC
    if page.photometric == photometric.PALETTE:
        colours = (np.asarray(page.colormap) >> 8).astype(np.uint8)  # (3, 2^bits) of 16-bit values
        return np.moveaxis(colours[:, pixels], 0, -1)
    if page.photometric == photometric.MINISWHITE:
        return np.invert(pixels)
    if page.photometric not in (photometric.MINISBLACK, photometric.RGB, photometric.YCBCR):
        name = getattr(page.photometric, "name", page.photometric)
        raise DataError(f"{path}: its colours are {name}. A TIFF is grey, RGB or has a palette.")
    alpha = tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA
    if page.extrasamples and page.extrasamples[0] in alpha:
        return pixels[..., : -len(page.extrasamples)]
    return pixels


def _values_of_series(series: tifffile.TiffPageSeries) -> int:
    samples = series.shape[-1] if series.axes.endswith("S") else 1
    return prod(series.shape) // max(samples, 1)


def _upright(image: Array, orientation: object) -> Array:
    """Undo the camera's orientation: a transposition, then flips (EXIF 2.3, tag 274)."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image
