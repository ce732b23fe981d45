"""WebP: chunks that are not pixels are kept as they stand; libwebp decodes and encodes the rest.

The container is RFC 9649, section 2.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from typing import BinaryIO, NamedTuple

import imagecodecs
import numpy as np
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from zoo.pictures.exif import orientation_of
from zoo.pictures.limits import check_pixels
from zoo.pictures.photo import Photo
from zoo.pictures.picture import Array, Metadata, Picture
from zoo.pictures.pillow import pixels_of
from zoo.pictures.source import read_all, reading
from zoo.pictures.webp_quality import estimate_quality

PIXELS = (b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF")
FLAGS = {b"ICCP": 0x20, b"EXIF": 0x08, b"XMP ": 0x04}.items()
ALPHA, ANIMATED = 0x10, 0x02
QUALITY = 90
LARGEST = 16383  # pixels of a side


class Chunk(NamedTuple):
    """A chunk: four letters and what it holds."""

    kind: bytes
    data: bytes


class WebpPicture(Photo):
    """A WebP, lossy or lossless; the first picture of an animation."""

    format = "WEBP"

    def __init__(self, where: str, stream: BinaryIO, max_pixels: int) -> None:
        super().__init__(where, stream)
        with reading(where):
            data = read_all(stream)
            end = 8 + int.from_bytes(data[4:8], "little")
            self._data = data[:end]
            chunks = read_chunks(self._data[12:])
            height, width, flags = _header(chunks[0])
            frames = [item for chunk in chunks if chunk.kind == b"ANMF" for item in _frame(chunk)]
        check_pixels(where, height, width, max_pixels)
        self.set_size(height, width, 3)
        kinds = {chunk.kind for chunk in (*chunks, *frames)}
        self._animated = b"ANMF" in kinds
        self.has_alpha = bool(flags & ALPHA)
        self.lossless = b"VP8L" in kinds
        self.chunks = [chunk for chunk in chunks if chunk.kind not in PIXELS]
        self.metadata = _metadata(self.chunks)
        self.orientation = orientation_of(self.metadata.exif)
        if self._animated:
            self.remarks.append("only the first picture of its animation is kept")
        if data[end:].strip(b"\0"):
            self.remarks.append(f"{len(data) - end} bytes after the picture are left out")
        self.quality = _quality((*frames, *chunks))

    def decode(self) -> Array:
        """All samples as (H, W, S)."""
        if self._animated:  # Pillow puts the first picture at its place
            with WebPImageFile(BytesIO(self._data)) as image:
                return pixels_of(image.convert("RGBA" if self.has_alpha else "RGB"))
        pixels: Array = imagecodecs.webp_decode(self._data, index=0, hasalpha=self.has_alpha)
        return pixels


def read_chunks(body: bytes) -> list[Chunk]:
    """All chunks of a RIFF body.

    Raises:
        ValueError: the file ends within one.
    """
    chunks, at = list[Chunk](), 0
    while at + 8 <= len(body):
        kind, size = struct.unpack_from("<4sI", body, at)
        if at + 8 + size > len(body):
            raise ValueError("truncated")
        chunks.append(Chunk(kind, body[at + 8 : at + 8 + size]))
        at += 8 + size + size % 2
    return chunks


def _quality(chunks: Sequence[Chunk]) -> int:
    """The quality of the first lossy frame."""
    for kind, data in chunks:
        if kind == b"VP8 ":
            with suppress(IndexError):  # a damaged frame, which decoding will refuse
                return estimate_quality(data)
    return QUALITY


def _frame(chunk: Chunk) -> list[Chunk]:
    """The chunks of a picture of an animation, behind its place and duration."""
    return read_chunks(chunk.data[16:])


def _header(first: Chunk) -> tuple[int, int, int]:
    """Height, width and the container's flags."""
    kind, data = first
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (4, 7))
        return height, width, data[0]
    if kind == b"VP8L":
        bits = int.from_bytes(data[1:5], "little")  # 14 bits of width, 14 of height, alpha
        return (bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1, ALPHA if bits >> 28 & 1 else 0
    width, height = struct.unpack_from("<HH", data, 6)
    return height & 0x3FFF, width & 0x3FFF, 0


def _metadata(chunks: Sequence[Chunk]) -> Metadata:
    found = {chunk.kind: chunk.data for chunk in reversed(chunks)}  # the first of each counts
    exif = found.get(b"EXIF", b"").removeprefix(b"Exif\0\0")
    return Metadata(exif, found.get(b"ICCP", b""), found.get(b"XMP ", b""))


def make_chunks(metadata: Metadata) -> list[Chunk]:
    """Chunks of what a file of another format holds beside pixels."""
    chunks = [(b"ICCP", metadata.icc), (b"EXIF", metadata.exif), (b"XMP ", metadata.xmp)]
    return [Chunk(kind, data) for kind, data in chunks if data]


def encode_webp(
    picture: Picture, samples: Array, quality: int | None
) -> tuple[list[bytes], list[str]]:
    """A WebP of (H, W, S) samples of 8 bits; without loss where the picture was or can be."""
    remarks = []
    if samples.shape[2] < 3:
        samples = np.concatenate([*[samples[..., :1]] * 3, samples[..., 1:]], axis=2)
        remarks.append("it is written as RGB: WEBP has no grey")
    metadata = picture.metadata
    if metadata.icc[16:20] == b"GRAY":
        metadata = replace(metadata, icc=b"")
        remarks.append("its ICC profile is for grey and left out")
    if isinstance(picture, WebpPicture):
        chunks, lossless = picture.chunks, picture.lossless and quality is None
        quality = quality or picture.quality
    else:
        chunks, lossless = make_chunks(metadata), quality is None
        if metadata.dpi:
            remarks.append(
                "its resolution is only in its EXIF: WEBP has no place of its own for it"
            )
    return [_encode(samples, chunks, lossless, quality or QUALITY)], remarks


def _encode(samples: Array, chunks: Sequence[Chunk], lossless: bool, quality: int) -> bytes:
    stream = BytesIO()
    options = {"lossless": lossless, "quality": quality, "exact": True, "method": 4}
    Image.fromarray(np.ascontiguousarray(samples)).save(stream, "WEBP", **options)
    own = [chunk for chunk in read_chunks(stream.getvalue()[12:]) if chunk.kind != b"VP8X"]
    if chunks:
        flags = ALPHA if samples.shape[2] == 4 else 0
        flags |= sum(flag for kind, flag in FLAGS if any(chunk.kind == kind for chunk in chunks))
        width, height = ((side - 1).to_bytes(3, "little") for side in samples.shape[1::-1])
        before = [chunk for chunk in chunks if chunk.kind == b"ICCP"]
        after = [chunk for chunk in chunks if chunk.kind != b"ICCP"]
        own = [Chunk(b"VP8X", bytes((flags, 0, 0, 0)) + width + height), *before, *own, *after]
    elif any(chunk.kind == b"ALPH" for chunk in own):
        return stream.getvalue()
    return _join(own)


def _join(chunks: Sequence[Chunk]) -> bytes:
    parts = [
        struct.pack("<4sI", kind, len(data)) + data + b"\0" * (len(data) % 2)
        for kind, data in chunks
    ]
    body = b"WEBP" + b"".join(parts)
    return struct.pack("<4sI", b"RIFF", len(body)) + body
