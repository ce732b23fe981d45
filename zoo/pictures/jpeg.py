"""JPEG: all but pixels is kept byte for byte; quantization, subsampling and scans as they were."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

import numpy as np
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from zoo.errors import DataError
from zoo.pictures.exif import orientation_of
from zoo.pictures.jpeg_segments import (
    FRAMES,
    JPEG_LS,
    MORE_PICTURES,
    OTHER_CODINGS,
    Segment,
    decodable,
    end_of,
    is_cut_off,
    is_jfif,
    is_kept,
    make_segments,
    metadata_of,
    split,
)
from zoo.pictures.limits import check_pixels
from zoo.pictures.photo import Photo
from zoo.pictures.picture import Array, Picture
from zoo.pictures.pillow import pixels_of
from zoo.pictures.source import read_all, reading

PROGRESSIVE = (0xC2, 0xCA)
SUBSAMPLINGS = ((1, 1), (2, 1), (2, 2))  # 4:4:4, 4:2:2, 4:2:0; at these places in Pillow's list
BEST = 95


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
            frame = next(item for item in segments if item.marker in (*FRAMES, JPEG_LS))
            bits, height, width, components = struct.unpack_from(">BHHB", frame.data)
            self._check(frame.marker, bits, components)
            check_pixels(where, height, width, max_pixels)
            self.set_size(height, width, components)
            self._decodable = decodable(segments, data[scans:])
            self.encoding = self._read_encoding(segments, frame)
        self._check_rest(data, scans)
        kept = [item for item in segments if is_kept(item) and not is_cut_off(item)]
        if any(is_cut_off(item) for item in segments):
            self.remarks.append("metadata that are cut off are left out")
        self.segments = [item for item in kept if not item.data.startswith(MORE_PICTURES)]
        self.metadata = metadata_of(self.segments)
        self.orientation = orientation_of(self.metadata.exif)

    def _check(self, marker: int, bits: int, components: int) -> None:
        what = ""
        if marker == JPEG_LS:
            what = "a JPEG-LS, which is another format"
        elif components == 4:
            what = "its colours are CMYK"
        elif bits != 8 or components not in (1, 3):
            what = f"{components} channels of {bits} bits, and a JPEG has 1 or 3 of 8 bits"
        elif marker in OTHER_CODINGS:
            what = "a lossless or hierarchical JPEG"
        if what:
            raise DataError(f"{self.where}: {what}. Convert it to PNG or TIFF, grey or RGB.")

    def _check_rest(self, data: bytes, scans: int) -> None:
        end = end_of(data, scans)
        if data[end:].strip(b"\0"):
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
    written = [item.written for item in (*segments, *(item for item in own if not is_jfif(item)))]
    return [b"\xff\xd8", *written, data[scans:]], remarks


def _save(image: Image.Image, options: dict[str, Any]) -> bytes:
    stream = BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()
