"""Metadata that cannot be read: the pixels are good, and what is left out is said."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.data.images import read_image
from zoo.pictures import open_picture, write_picture

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 17, 3)).astype(np.uint8)


def saved(file_format: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, file_format)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + body))
    return struct.pack(">I", len(body)) + kind + body + check


def png(kind: bytes, body: bytes) -> tuple[str, bytes]:
    whole = saved("PNG")
    return "a.png", whole[:33] + chunk(kind, body) + whole[33:]


def jpeg(marker: int, body: bytes) -> tuple[str, bytes]:
    whole = saved("JPEG")
    segment = struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
    return "a.jpg", whole[:2] + segment + whole[2:]


DAMAGED = {
    "exif": png(b"eXIf", b"not exif"),
    "exif-of-itself": png(
        b"eXIf", b"II*\0\x08\0\0\0\1\0" + struct.pack("<HHIII", 34665, 4, 1, 8, 0)
    ),
    "profile": png(b"iCCP", b"icc\0\0garbage"),
    "profile-without-a-name": png(b"iCCP", b"garbage" * 20),
    "long-text": png(b"zTXt", b"xmp\0\0" + zlib.compress(b"x" * 1_500_000)),
    "long-xmp": png(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(b"x" * 20_000_000)),
    "text-in-no-encoding": png(b"iTXt", b"k\0\0\0en\0\xff\xfe\0\xff"),
    "resolution": png(b"pHYs", b"\0"),
    "resolution-of-atoms": png(b"pHYs", b"\xff" * 8 + b"\1"),
    "gamma": png(b"gAMA", b"\0"),
    "time": png(b"tIME", b"\x99"),
    "jpeg-exif": jpeg(0xE1, b"Exif\0\0garbage"),
    "jpeg-profile-cut-off": jpeg(0xE2, b"ICC_PROFILE\0"),
    "jpeg-profile-cut-off-later": jpeg(0xE2, b"ICC_PROFILE\0\1"),
    "jpeg-jfif-cut-off": jpeg(0xE0, b"JFIF\0"),
    "jpeg-adobe-cut-off": jpeg(0xEE, b"Adobe"),
    "jpeg-photoshop": jpeg(0xED, b"Photoshop 3.0\x008BIM\xff\xff\xff"),
}


@pytest.mark.parametrize(("name", "data"), DAMAGED.values(), ids=DAMAGED)
def test_pixels_are_read_and_written(
    name: str, data: bytes, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    good = np.asarray(Image.open(io.BytesIO(saved("PNG" if name == "a.png" else "JPEG"))))
    (image,) = read_image(path, 3)
    assert np.array_equal(image.numpy().transpose(1, 2, 0), good)
    cut_off = "cut-off" in request.node.callspec.id
    for file_format in ("PNG", "JPEG", "TIFF", "WEBP", None):
        target = tmp_path / f"out.{file_format}"
        with open_picture(path) as picture:
            planes: list[Any] = list(picture.planes())
            write_picture(target, picture, planes, format=file_format)
            assert picture.remarks == ["metadata that are cut off are left out"] * cut_off
        if file_format in ("PNG", "TIFF"):
            assert np.array_equal(read_image(target, 3)[0].numpy().transpose(1, 2, 0), good)
        else:
            read_image(target, 3)


def test_a_profile_that_is_too_large_for_a_jpeg_is_left_out(tmp_path: Path) -> None:
    name, data = png(b"iCCP", b"icc\0\0" + zlib.compress(b"\0" * 17_000_000))
    (tmp_path / name).write_bytes(data)
    with open_picture(tmp_path / name) as picture:
        remarks = write_picture(tmp_path / "a.jpg", picture, picture.planes(), format="JPEG")
    assert remarks == ["its ICC profile of 17000000 bytes is too large for a JPEG"]
    read_image(tmp_path / "a.jpg", 3)
