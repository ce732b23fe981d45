"""JPEG: all but pixels is kept byte for byte; quantization, subsampling and scans as they were.

Markers are those of ITU-T T.81, annex B; JFIF, EXIF, XMP and ICC profiles stand in APP segments.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from zoo.errors import DataError
from zoo.pictures.exif import orientation_of
from zoo.pictures.limits import check_pixels
from zoo.pictures.photo import Photo
from zoo.pictures.picture import Array, Metadata, Picture
from zoo.pictures.pillow import pixels_of
from zoo.pictures.source import read_all, reading

SOI, EOI, SOS, COM, APP0, APP14 = 0xD8, 0xD9, 0xDA, 0xFE, 0xE0, 0xEE
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF: all but DHT, JPG, DAC
PROGRESSIVE = (0xC2, 0xCA)
AFTER_A_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # a marker that is no restart
EXIF, XMP, ICC = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
MORE_PICTURES = b"MPF\0"
LARGEST = 65533  # bytes of a segment's content
SUBSAMPLINGS = ((1, 1), (2, 1), (2, 2))  # 4:4:4, 4:2:2, 4:2:0; at these places in Pillow's list
BEST = 95


class Segment(NamedTuple):
    """A marker and the bytes that belong to it."""

    marker: int
    data: bytes

    @property
    def written(self) -> bytes:
        """The segment in a file."""
        return struct.pack(">BBH", 0xFF, self.marker, len(self.data) + 2) + self.data


@dataclass(frozen=True)
class Encoding:
    """How the pixels of a JPEG were encoded."""

    tables: tuple[list[int], ...] | None = None  # of quantization, by component; None: by quality
    subsampling: int = 0
    progressive: bool = False
    rgb: bool = False
    quality: int = BEST

    def options(self, quality: int | None) -> dict[str, Any]:
        """For Pillow; ``quality`` in place of the tables where it is not None."""
        options: dict[str, Any] = {
            **{"subsampling": self.subsampling, "keep_rgb": self.rgb},
        }
        if quality is None and self.tables:
            return {**options, "qtables": list(self.tables)}
        return {**options, "quality": quality or self.quality}


class JpegPicture(Photo):
    """A JPEG of 8 bits, grey or in colours."""

    format = "JPEG"

    def __init__(self, where: str, stream: BinaryIO, max_pixels: int) -> None:
        super().__init__(where, stream)
        with reading(where):
            data = read_all(stream)
            segments, scans = split(data)
            frame = next(item for item in segments if item.marker in FRAMES)
            bits, height, width, components = struct.unpack_from(">BHHB", frame.data)
            self._check(bits, components)
            check_pixels(where, height, width, max_pixels)
            self.set_size(height, width, components)
            self._decodable = _decodable(segments, data[scans:])
            self.encoding = self._read_encoding(segments, frame)
        self._check_rest(data, scans)
        kept = [item for item in segments if _is_kept(item)]
        self.segments = [item for item in kept if not item.data.startswith(MORE_PICTURES)]
        self.metadata = _metadata(self.segments)
        self.orientation = orientation_of(self.metadata.exif)

    def _check(self, bits: int, components: int) -> None:
        if components == 4:
            raise DataError(f"{self.where}: its colours are CMYK. A JPEG is grey, RGB or YCbCr.")
        if bits != 8 or components not in (1, 3):
            raise DataError(
                f"{self.where}: {components} channels of {bits} bits. "
                "A JPEG has 1 or 3 channels of 8 bits."
            )

    def _check_rest(self, data: bytes, scans: int) -> None:
        end = _end(data, scans)
        if len(data) - end > LARGEST or data[end : end + 3] == b"\xff\xd8\xff":
            self.remarks.append(
                f"{len(data) - end} bytes after the picture (another one, a film) are left out"
            )

    def _read_encoding(self, segments: Sequence[Segment], frame: Segment) -> Encoding:
        parts = [frame.data[at : at + 3] for at in range(6, 6 + 3 * self.channels, 3)]
        factors = [(part[1] >> 4, part[1] & 15) for part in parts]
        with JpegImageFile(BytesIO(self._decodable)) as image:
            tables = [image.quantization[part[2]] for part in parts]
            rgb = image.info.get("adobe_transform") == 0 or bytes(p[0] for p in parts) == b"RGB"
        if len(tables) == 3 and tables[1] == tables[2]:
            tables = tables[:2]
        progressive = frame.marker in PROGRESSIVE
        return Encoding(
            tuple(tables), self._subsampling(factors), progressive, rgb and len(parts) == 3
        )

    def _subsampling(self, factors: list[tuple[int, int]]) -> int:
        if len(factors) == 1:
            return 0
        if factors[0] in SUBSAMPLINGS and factors[1:] == [(1, 1)] * 2:
            return SUBSAMPLINGS.index(factors[0])
        if len(set(factors)) > 1:
            self.remarks.append("its chroma subsampling becomes 4:4:4, which loses nothing")
        return 0

    def decode(self) -> Array:
        """All samples as (H, W, S)."""
        with JpegImageFile(BytesIO(self._decodable)) as image:
            return pixels_of(image)


def split(data: bytes) -> tuple[list[Segment], int]:
    """The segments before the first scan, and where that scan's segment begins."""
    segments, at = list[Segment](), 2
    while True:
        at = data.index(b"\xff", at)
        while data[at] == 0xFF:  # fill bytes
            at += 1
        marker = data[at]
        if marker == SOS:
            return segments, at - 1
        if marker == EOI:
            raise ValueError("no scan")
        (length,) = struct.unpack_from(">H", data, at + 1)
        segments.append(Segment(marker, data[at + 3 : at + 1 + length]))
        at += 1 + length


def _end(data: bytes, at: int) -> int:
    """The position after the picture's last byte."""
    while found := AFTER_A_SCAN.search(data, at):
        at = found.end()
        if data[at - 1] == EOI:
            return at
        if at + 2 <= len(data):
            at += struct.unpack_from(">H", data, at)[0]
    return len(data)


def _decodable(segments: Sequence[Segment], scans: bytes) -> bytes:
    """A file without the segments that say nothing of its pixels, damaged or not."""
    needed = [item for item in segments if not _is_kept(item) or _is_jfif(item)]
    return b"".join([b"\xff\xd8", *(item.written for item in needed), scans])


def _is_kept(segment: Segment) -> bool:
    """Whether it is none of the encoder's own; Adobe's APP14 says how the colours are encoded."""
    return (APP0 <= segment.marker < 0xF0 and segment.marker != APP14) or segment.marker == COM


def _is_jfif(segment: Segment) -> bool:
    return segment.marker == APP0 and segment.data.startswith(b"JFIF\0")


def _metadata(segments: Sequence[Segment]) -> Metadata:
    exif, xmp, dpi = b"", b"", None
    profiles = []
    for segment in segments:
        data = segment.data
        if data.startswith(EXIF) and not exif:
            exif = data[len(EXIF) :]
        elif data.startswith(XMP):
            xmp = data[len(XMP) :]
        elif data.startswith(ICC):
            profiles.append((data[len(ICC)], data[len(ICC) + 2 :]))
        elif _is_jfif(segment) and len(data) >= 12:
            dpi = _dpi(*struct.unpack_from(">BHH", data, 7))
    return Metadata(exif, b"".join(part for _, part in sorted(profiles)), xmp, dpi)


def _dpi(unit: int, across: int, down: int) -> tuple[float, float] | None:
    inch = {1: 1.0, 2: 2.54}.get(unit)  # 0: only the ratio
    return (across * inch, down * inch) if inch and across and down else None


def make_segments(metadata: Metadata) -> tuple[list[Segment], list[str]]:
    """Segments of what a file of another format holds beside pixels, and remarks on the rest."""
    remarks = []
    if metadata.dpi and max(metadata.dpi) < 65535:
        segments = [
            Segment(
                APP0, b"JFIF\0" + struct.pack(">HBHHBB", 0x101, 1, *map(round, metadata.dpi), 0, 0)
            )
        ]
    else:
        segments = [Segment(APP0, b"JFIF\0\1\1\0\0\1\0\1\0\0")]
    for kind, data in ((EXIF, metadata.exif), (XMP, metadata.xmp)):
        if data and len(kind + data) <= LARGEST:
            segments.append(Segment(0xE1, kind + data))
        elif data:
            remarks.append(f"{len(data)} bytes of metadata are left out: a JPEG holds {LARGEST}")
    size = LARGEST - len(ICC) - 2
    parts = [metadata.icc[at : at + size] for at in range(0, len(metadata.icc), size)]
    for number, part in enumerate(parts, 1):
        segments.append(Segment(0xE2, ICC + bytes((number, len(parts))) + part))
    return segments, remarks


def encode_jpeg(
    picture: Picture, samples: Array, quality: int | None
) -> tuple[list[bytes], list[str]]:
    """A JPEG of (H, W, 1) or (H, W, 3) samples of 8 bits, as parts of a file, and remarks."""
    if isinstance(picture, JpegPicture):
        segments, remarks, encoding = picture.segments, list[str](), picture.encoding
    else:
        segments, remarks = make_segments(picture.metadata)
        encoding = Encoding()
    pixels = samples if samples.shape[2] > 1 else samples[..., 0]
    image = Image.fromarray(np.ascontiguousarray(pixels))
    options = encoding.options(quality)
    data = _save(image, options)
    if encoding.progressive:
        # Pillow has room for 1 byte of each pixel by a quality, 2 by tables, and fails without it
        room = image.width * image.height * (1 if "quality" in options else 2)
        if len(data) < max(60_000, 0.9 * room):
            data = _save(image, {**options, "progressive": True})
        else:
            remarks.append("it is written without progressive scans: it is too large for them")
    own, scans = split(data)
    written = [item.written for item in (*segments, *(item for item in own if not _is_jfif(item)))]
    return [b"\xff\xd8", *written, data[scans:]], remarks


def _save(image: Image.Image, options: dict[str, Any]) -> bytes:
    stream = BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()
