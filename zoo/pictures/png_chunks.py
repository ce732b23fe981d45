"""The chunks of a PNG, what they say, and those of other files' metadata.

Chunks are those of PNG, third edition (W3C 2025), sections 5 and 11.
"""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from zoo.pictures.picture import Metadata

SIGNATURE = b"\x89PNG\r\n\x1a\n"
DECODED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
XMP = b"XML:com.adobe.xmp"
INCH = 0.0254  # metres


class Chunk(NamedTuple):
    """A chunk: four letters and what it holds."""

    kind: bytes
    data: memoryview

    @property
    def check(self) -> int:
        """The check sum."""
        return zlib.crc32(self.data, zlib.crc32(self.kind))


def read_chunks(data: bytes | bytearray) -> list[Chunk]:
    """All chunks up to IEND.

    Raises:
        ValueError, struct.error: the file ends before IEND.
    """
    view, at, chunks = memoryview(data), len(SIGNATURE), list[Chunk]()
    while not chunks or chunks[-1].kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", view, at)
        if at + 12 + length > len(view):
            raise ValueError("truncated")
        chunk = Chunk(kind, view[at + 8 : at + 8 + length])
        if kind in DECODED and struct.unpack_from(">I", view, at + 8 + length)[0] != chunk.check:
            raise ValueError("damaged")
        chunks.append(chunk)
        at += 12 + length
    return chunks


def size_of_chunks(chunks: list[Chunk]) -> int:
    """Bytes of a file of chunks: four of a length, a kind and a check sum beside each."""
    return len(SIGNATURE) + sum(12 + len(chunk.data) for chunk in chunks)


def join(chunks: list[Chunk]) -> bytes:
    """A file of chunks, with their check sums."""
    parts: list[bytes | memoryview] = [SIGNATURE]
    for chunk in chunks:
        head = struct.pack(">I4s", len(chunk.data), chunk.kind)
        parts += [head, chunk.data, struct.pack(">I", chunk.check)]
    return b"".join(parts)


def metadata_of(chunks: list[Chunk]) -> Metadata:
    """What other formats can hold of the chunks."""
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
