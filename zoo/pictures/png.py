"""PNG: all chunks that are not pixels are kept as they stand; libpng decodes and encodes the rest.

Chunks are those of PNG, third edition (W3C 2025), sections 5 and 11.
"""

from __future__ import annotations

import struct
import zlib
from typing import BinaryIO, NamedTuple

import imagecodecs
import numpy as np

from zoo.pictures.exif import orientation_of
from zoo.pictures.limits import check_pixels
from zoo.pictures.photo import Photo
from zoo.pictures.picture import Array, Metadata, Picture
from zoo.pictures.source import read_all, reading
from zoo.pictures.values import Depth

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DECODED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
ANIMATION = (b"acTL", b"fcTL", b"fdAT")
OF_THE_COLOURS = (b"sBIT", b"bKGD", b"hIST")  # written in the colour type that the file had
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
XMP = b"XML:com.adobe.xmp"
PALETTE = 3
INCH = 0.0254  # metres


class Chunk(NamedTuple):
    """A chunk: four letters and what it holds."""

    kind: bytes
    data: memoryview


class PngPicture(Photo):
    """A PNG. Fewer than 8 bits become 8, a palette RGB, a transparent colour an alpha channel."""

    format = "PNG"

    def __init__(self, where: str, stream: BinaryIO, max_pixels: int) -> None:
        super().__init__(where, stream)
        with reading(where):
            header = struct.unpack(">IIBBBBB", stream.read(29)[16:])
            check_pixels(where, header[1], header[0], max_pixels)
            self._read_header(*header[:4])
            chunks = read_chunks(read_all(stream))
        self._pixels = [chunk for chunk in chunks if chunk.kind in DECODED]
        self.chunks = [chunk for chunk in chunks if chunk.kind not in (*DECODED, *ANIMATION)]
        self._add_remarks({chunk.kind for chunk in chunks})
        self.metadata = _metadata(self.chunks)
        self.orientation = orientation_of(self.metadata.exif)

    def _read_header(self, width: int, height: int, bits: int, colours: int) -> None:
        self.set_size(height, width, 1 if colours in (0, 4) else 3)
        self.depth = Depth(16 if bits == 16 else 8)
        self._bits, self._colour_type = bits, colours

    def _add_remarks(self, kinds: set[bytes]) -> None:
        transparent = b"tRNS" in kinds
        self.has_alpha = transparent or self._colour_type in (4, 6)
        self.same_colours = not transparent and self._colour_type != PALETTE and self._bits >= 8
        if self._colour_type == PALETTE:
            self.remarks.append("its palette is converted to RGB")
        elif self._bits < 8:
            self.remarks.append(f"its {self._bits}-bit values are written with 8 bits")
        if transparent and self._colour_type != PALETTE:
            self.remarks.append("its transparent colour becomes an alpha channel")
        if not self.same_colours:
            self.chunks = [chunk for chunk in self.chunks if chunk.kind not in OF_THE_COLOURS]
        if b"acTL" in kinds:
            self.remarks.append("only the first picture of its animation is kept")

    @property
    def has_text(self) -> bool:
        """Whether there are texts, beside XMP, that other formats do not hold."""
        return any(
            chunk.kind in TEXTS and not bytes(chunk.data[:20]).startswith(XMP)
            for chunk in self.chunks
        )

    def decode(self) -> Array:
        """All samples as (H, W, S)."""
        data = join(self._pixels)
        pixels: Array = imagecodecs.png_decode(data)
        return pixels if pixels.ndim == 3 else pixels[..., None]


def read_chunks(data: bytes) -> list[Chunk]:
    """All chunks up to IEND.

    Raises:
        ValueError, struct.error: the file ends before IEND.
    """
    view, at, chunks = memoryview(data), len(SIGNATURE), list[Chunk]()
    while not chunks or chunks[-1].kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", view, at)
        if at + 12 + length > len(view):
            raise ValueError("truncated")
        chunks.append(Chunk(kind, view[at + 8 : at + 8 + length]))
        at += 12 + length
    return chunks


def join(chunks: list[Chunk]) -> bytes:
    """A file of chunks, with their check sums."""
    parts: list[bytes | memoryview] = [SIGNATURE]
    for kind, data in chunks:
        check = zlib.crc32(data, zlib.crc32(kind))
        parts += [struct.pack(">I4s", len(data), kind), data, struct.pack(">I", check)]
    return b"".join(parts)


def _metadata(chunks: list[Chunk]) -> Metadata:
    exif, icc, xmp, dpi = b"", b"", b"", None
    for kind, data in chunks:
        if kind == b"eXIf":
            exif = bytes(data)
        elif kind == b"iCCP":
            icc = _inflate(bytes(data).partition(b"\0")[2][1:])
        elif kind == b"iTXt" and bytes(data).startswith(XMP + b"\0\0\0"):
            xmp = bytes(data).split(b"\0", 5)[-1]
        elif kind == b"pHYs" and len(data) == 9:
            across, down, metre = struct.unpack(">IIB", data)
            dpi = (across * INCH, down * INCH) if metre == 1 else None
    return Metadata(exif, icc, xmp, dpi)


def _inflate(data: bytes, limit: int = 2**26) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, limit)
    except zlib.error:  # a damaged profile: none for other formats, kept as it is in a PNG
        return b""


def make_chunks(metadata: Metadata) -> list[Chunk]:
    """Chunks of what a file of another format holds beside pixels."""
    chunks = []
    if metadata.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(metadata.icc)))
    if metadata.dpi:
        across, down = (round(value / INCH) for value in metadata.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append((b"iTXt", XMP + b"\0\0\0\0\0" + metadata.xmp))
    return [Chunk(kind, memoryview(data)) for kind, data in chunks]


def encode_png(
    picture: Picture, samples: Array, quality: int | None
) -> tuple[list[bytes], list[str]]:
    """A PNG of (H, W, S) samples of 8 or 16 bits, with the chunks of the picture before them."""
    chunks = picture.chunks if isinstance(picture, PngPicture) else make_chunks(picture.metadata)
    pixels = np.ascontiguousarray(samples if samples.shape[2] > 1 else samples[..., 0])
    header, *rest = read_chunks(imagecodecs.png_encode(pixels))
    return [join([header, *chunks, *rest])], []
