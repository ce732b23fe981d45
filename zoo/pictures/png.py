"""PNG: chunks that are not pixels are kept as they stand; libpng decodes and encodes the rest."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import BinaryIO

import imagecodecs
import numpy as np

from zoo.pictures.exif import orientation_of
from zoo.pictures.limits import check_pixels
from zoo.pictures.photo import Photo
from zoo.pictures.picture import Array, Picture
from zoo.pictures.png_chunks import (
    DECODED,
    XMP,
    join,
    make_chunks,
    metadata_of,
    read_chunks,
    size_of_chunks,
)
from zoo.pictures.source import read_all, reading
from zoo.pictures.values import Depth

ANIMATION = (b"acTL", b"fcTL", b"fdAT")
OF_THE_COLOURS = (b"sBIT", b"bKGD", b"hIST")  # written in the colour type that the file had
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
PALETTE = 3
EIGHTS = (8, 16)
BITS: Mapping[int, tuple[int, ...]] = {  # by colour type
    **{0: (1, 2, 4, 8, 16), 2: EIGHTS, 3: (1, 2, 4, 8), 4: EIGHTS, 6: EIGHTS}
}


class PngPicture(Photo):
    """A PNG. Fewer than 8 bits become 8, a palette RGB, a transparent colour an alpha channel."""

    format = "PNG"

    def __init__(self, where: str, stream: BinaryIO, max_pixels: int) -> None:
        super().__init__(where, stream)
        with reading(where):
            header = struct.unpack(">IIBBBBB", stream.read(29)[16:])
            check_pixels(where, header[1], header[0], max_pixels)
            if header[2] not in BITS.get(header[3], ()):
                raise ValueError("no such colours")
            self._read_header(*header[:4])
            data = read_all(stream)
            chunks = read_chunks(data)
            if self._colour_type == PALETTE and all(chunk.kind != b"PLTE" for chunk in chunks):
                raise ValueError("no palette")
        self._pixels = [
            chunk
            for kind in DECODED
            for chunk in chunks
            if chunk.kind == kind and (kind != b"tRNS" or self._colour_type in (0, 2, PALETTE))
        ]
        self.chunks = [chunk for chunk in chunks if chunk.kind not in (*DECODED, *ANIMATION)]
        self._add_remarks({chunk.kind for chunk in chunks})
        behind = data[size_of_chunks(chunks) :]
        if behind.strip(b"\0"):
            self.remarks.append(f"{len(behind)} bytes after the picture are left out")
        self.metadata = metadata_of(self.chunks)
        self.orientation = orientation_of(self.metadata.exif)

    def _read_header(self, width: int, height: int, bits: int, colours: int) -> None:
        self.set_size(height, width, 1 if colours in (0, 4) else 3)
        self.depth = Depth(16 if bits == 16 else 8)
        self._bits, self._colour_type = bits, colours

    def _add_remarks(self, kinds: set[bytes]) -> None:
        transparent = b"tRNS" in kinds and self._colour_type in (0, 2, PALETTE)
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


def encode_png(
    picture: Picture, samples: Array, quality: int | None
) -> tuple[list[bytes], list[str]]:
    """A PNG of (H, W, S) samples of 8 or 16 bits, with the chunks of the picture before them."""
    chunks = picture.chunks if isinstance(picture, PngPicture) else make_chunks(picture.metadata)
    pixels = np.ascontiguousarray(samples if samples.shape[2] > 1 else samples[..., 0])
    header, *rest = read_chunks(imagecodecs.png_encode(pixels))
    return [join([header, *chunks, *rest])], []
