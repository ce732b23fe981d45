"""JPEGs of every kind that Pillow and imagecodecs write, and pictures of formats like it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from io import BytesIO
from itertools import product
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from tests.pictures.corpus.behind import BEHIND
from tests.pictures.corpus.case import Array, Case, random, smooth

PIXELS = smooth(40, 48)


def saved(pixels: Array, mode: str = "", **options: Any) -> bytes:
    """A JPEG by Pillow."""
    stream, image = BytesIO(), Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(stream, "JPEG", **{"quality": 100, **options})
    return stream.getvalue()


def of_pillow() -> Iterator[Case]:
    grey = np.asarray(Image.fromarray(PIXELS).convert("L"))
    for progressive, subsampling in product((False, True), (0, 1, 2)):
        data = saved(PIXELS, progressive=progressive, subsampling=subsampling)
        name = f"progressive {progressive}, subsampling {subsampling}"
        yield Case(name, data, (PIXELS,), tolerance=6)
        yield Case(f"grey, {name}", saved(grey, progressive=progressive), (grey,), tolerance=2)
    yield Case("RGB as it is", saved(PIXELS, keep_rgb=True), (PIXELS,), tolerance=2)
    yield Case("restarts", saved(PIXELS, restart_marker_rows=1), (PIXELS,), tolerance=6)
    yield Case("CMYK", saved(PIXELS, "CMYK"), refused="its colours are CMYK.")


def of_libjpeg() -> Iterator[Case]:
    for colours, subsampling in product(("RGB", "YCBCR"), ("444", "422", "420", "411", "440")):
        if colours == "YCBCR" or subsampling == "444":
            options = {"colorspace": "RGB", "outcolorspace": colours, "subsampling": subsampling}
            data = imagecodecs.jpeg8_encode(PIXELS, level=100, **options)
            yield Case(f"{colours} {subsampling}", data, (PIXELS,), tolerance=8)
    for colours in ("CMYK", "YCCK"):
        four = smooth(40, 48, 4)
        data = imagecodecs.jpeg8_encode(four, colorspace="CMYK", outcolorspace=colours)
        yield Case(colours, data, refused="its colours are CMYK.")
    for channels in (1, 3):
        twelve = np.ascontiguousarray(PIXELS[..., :channels].astype(np.uint16) * 16)
        data = imagecodecs.jpeg8_encode(twelve.squeeze(), bitspersample=12)
        yield Case(f"12 bits of {channels}", data, refused=f"{channels} channels of 12 bits")


def other_kinds() -> Iterator[Case]:
    values = random(40, 48, 3)
    for bits, refused in (
        (8, "a lossless or hierarchical JPEG."),
        (12, "12 bits"),
        (16, "16 bits"),
    ):
        grey = random(40, 48, bits=bits)
        data = imagecodecs.jpeg8_encode(grey, lossless=True, bitspersample=bits)
        yield Case(f"lossless, {bits} bits", data, refused=refused)
        data = imagecodecs.ljpeg_encode(grey, bitspersample=bits)
        yield Case(f"lossless of the DNG kind, {bits} bits", data, refused=refused)
    yield Case("JPEG-LS", imagecodecs.jpegls_encode(values), refused="a JPEG-LS, which is another")
    for name, encoded in {
        "JPEG 2000": imagecodecs.jpeg2k_encode(values),
        "JPEG 2000 without a container": imagecodecs.jpeg2k_encode(values, codecformat="j2k"),
        "JPEG XL": imagecodecs.jpegxl_encode(values),
        "JPEG XR": imagecodecs.jpegxr_encode(values),
        "AVIF": imagecodecs.avif_encode(values),
        "GIF": imagecodecs.gif_encode(np.ascontiguousarray(values[..., 0])),
        "QOI": imagecodecs.qoi_encode(values),
    }.items():
        words = name.removesuffix(" without a container")
        yield Case(name, encoded, refused=f"is {words}, which is not read.")


def more_in_the_file() -> Iterator[Case]:
    plain, thumbnail = saved(PIXELS, subsampling=0), saved(PIXELS[::4, ::4].copy())
    for name, more in {**BEHIND, "a second JPEG": thumbnail}.items():
        yield Case(f"{name} behind it", plain + more, (PIXELS,), tolerance=3)
    stream = BytesIO()
    second = [Image.fromarray(PIXELS // 2)]
    options: dict[str, Any] = {"quality": 100, "subsampling": 0}
    Image.fromarray(PIXELS).save(stream, "MPO", save_all=True, append_images=second, **options)
    yield Case("MPO", stream.getvalue(), (PIXELS,), tolerance=3)
    exif = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 8) + b"Exif\0\0" + thumbnail
    yield Case("a JPEG in its EXIF", plain[:2] + exif + plain[2:], (PIXELS,), tolerance=3)
    filled = plain.replace(b"\xff\xdb", b"\xff\xff\xff\xdb", 1)
    yield Case("fill bytes", filled, (PIXELS,), tolerance=3)
    yield Case("without its end", plain[:-2], refused="damaged")
    jfif = 4 + int.from_bytes(plain[4:6], "big") - 2 + 2
    adobe = b"\xff\xee\x00\x0eAdobe\x00\x64\0\0\0\0"
    for data, transform in ((saved(PIXELS, keep_rgb=True), 0), (plain, 1)):
        start = jfif if data[2:4] == b"\xff\xe0" else 2
        if b"Adobe" not in data:
            data = data[:2] + adobe + bytes((transform,)) + data[start:]
        yield Case(f"Adobe's transform {transform}", data, (PIXELS,), tolerance=3)


def cases() -> list[Case]:
    """All of them."""
    return [*of_pillow(), *of_libjpeg(), *other_kinds(), *more_in_the_file()]
