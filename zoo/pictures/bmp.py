"""BMP: grey, RGB, or RGB with alpha, of 8 bits."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import BinaryIO

import numpy as np
from PIL.BmpImagePlugin import BmpImageFile

from zoo.errors import DataError
from zoo.pictures.limits import check_pixels
from zoo.pictures.photo import Photo
from zoo.pictures.picture import Array, Metadata, Picture
from zoo.pictures.pillow import pixels_of
from zoo.pictures.source import read_all, reading

METRE = 0.0254  # metres of an inch
BITFIELDS = 3
SRGB = b"BGRs"
UNSUPPORTED = "Unsupported BMP "  # how Pillow's messages begin
MASKS = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)  # of red, green, blue and alpha


class BmpPicture(Photo):
    """A BMP. A palette that is not grey becomes RGB."""

    format = "BMP"

    def __init__(self, where: str, stream: BinaryIO, max_pixels: int) -> None:
        super().__init__(where, stream)
        with reading(where):
            self._data = read_all(stream)
            with _opened(where, self._data) as image:
                mode, width, height = image.mode, *image.size
                dpi = image.info.get("dpi")
        check_pixels(where, height, width, max_pixels)
        self.set_size(height, width, 1 if mode in ("1", "L") else 3)
        self.has_alpha = mode == "RGBA"
        if mode in ("P", "1"):
            self.remarks.append(
                "its palette is converted to RGB"
                if mode == "P"
                else "its 1-bit values are written with 8 bits"
            )
        self.metadata = Metadata(dpi=dpi and (float(dpi[0]), float(dpi[1])))

    def decode(self) -> Array:
        """All samples as (H, W, S)."""
        with BmpImageFile(BytesIO(self._data)) as image:
            converted = {"1": "L", "P": "RGB"}.get(image.mode)
            return pixels_of(image.convert(converted) if converted else image)


def _opened(where: str, data: bytes) -> BmpImageFile:
    """The file's header, read.

    Raises:
        DataError: a kind of BMP that Pillow does not read.
    """
    try:
        return BmpImageFile(BytesIO(data))
    except OSError as error:
        kind = str(error)
        if not kind.startswith(UNSUPPORTED):
            raise
        raise DataError(
            f"{where}: a BMP of a kind that is not read ({kind.removeprefix(UNSUPPORTED)}). "
            "Save it with 24 bits, or as PNG."
        ) from error


def encode_bmp(
    picture: Picture, samples: Array, quality: int | None
) -> tuple[list[bytes], list[str]]:
    """A BMP of (H, W, S) samples: 8 bits with a grey palette, 24 bits, or 32 bits with alpha."""
    remarks = []
    if samples.shape[2] == 2:
        samples = np.concatenate([*[samples[..., :1]] * 3, samples[..., 1:]], axis=2)
        remarks.append("it is written as RGB: BMP has no grey with alpha")
    if picture.metadata.exif or picture.metadata.icc or picture.metadata.xmp:
        remarks.append("its EXIF, ICC profile and XMP are left out: a BMP holds none")
    return [_encode(samples, picture.metadata)], remarks


def _encode(samples: Array, metadata: Metadata) -> bytes:
    height, width, count = samples.shape
    palette = b"".join(bytes((v, v, v, 0)) for v in range(256)) if count == 1 else b""
    swapped = samples[::-1, :, [2, 1, 0, 3][:count] if count > 1 else [0]]  # from the bottom, BGR
    rows = np.zeros((height, -(-width * count // 4) * 4), np.uint8)
    rows[:, : width * count] = swapped.reshape(height, width * count)
    header = 108 if count == 4 else 40
    start = 14 + header + len(palette)
    across, down = (round(value / METRE) for value in metadata.dpi or (0, 0))
    parts = [
        struct.pack("<2sIII", b"BM", start + rows.size, 0, start),
        struct.pack("<IiiHHI", header, width, height, 1, 8 * count, BITFIELDS if count == 4 else 0),
        struct.pack("<IiiII", rows.size, across, down, len(palette) // 4, 0),
        struct.pack("<4I4s48x", *MASKS, SRGB) if count == 4 else b"",
    ]
    return b"".join([*parts, palette, rows.tobytes()])
