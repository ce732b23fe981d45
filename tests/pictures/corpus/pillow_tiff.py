"""TIFFs in every mode and compression that Pillow writes."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np
from PIL import Image

from tests.pictures.corpus.case import Array, Case, random, smooth

DEFLATED = ("tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "lzma", "zstd")
FAX = ("tiff_ccitt", "group3", "group4")
COMPRESSIONS = {  # of each mode, those that libtiff takes for it
    **{"1": (None, *FAX, *DEFLATED), "L": (None, "jpeg", *DEFLATED), "LA": (None, *DEFLATED)},
    **{"P": (None, *DEFLATED), "RGB": (None, "jpeg", *DEFLATED)},
    **{"RGBA": (None, *DEFLATED), "RGBX": (None, *DEFLATED)},
    **{"YCbCr": (None, "jpeg", *DEFLATED), "CMYK": (None, "jpeg", *DEFLATED)},
    **{"LAB": (None, *DEFLATED), "I": (None, *DEFLATED), "F": (None, *DEFLATED)},
    **{"I;16": (None, *DEFLATED), "I;16B": (None, *DEFLATED)},
}
REFUSED = {
    **{"CMYK": "its colours are CMYK.", "LAB": "its colours are CIELab."},
    "I": "its values are signed integers of 32 bits.",
}
READ_AS = {"1": "L", "LA": "L", "L": "L"}  # others of 8 bits as RGB


def image_of(mode: str) -> Image.Image:
    if mode.startswith("I;16"):
        return Image.fromarray(random(64, 48, bits=16)).convert(mode)
    image = Image.fromarray(smooth(64, 48))
    return image.convert(mode)


def truth(mode: str, image: Image.Image) -> tuple[Array, float]:
    if mode.startswith("I;16"):
        return np.asarray(image).astype(np.uint16), 65535
    if mode == "F":
        return np.asarray(image), 1.0
    return np.asarray(image.convert(READ_AS.get(mode, "RGB"))), 255


def cases() -> list[Case]:
    """All of them."""
    return list(_cases())


def _cases() -> Iterator[Case]:
    for mode, compressions in COMPRESSIONS.items():
        for compression in compressions:
            image, stream = image_of(mode), BytesIO()
            lossy = {"quality": 100} if compression == "jpeg" else {}
            image.save(stream, "TIFF", compression=compression, **lossy)
            name = f"{mode}, {compression}"
            if mode in REFUSED:
                yield Case(name, stream.getvalue(), refused=REFUSED[mode])
                continue
            true, white = truth(mode, image)
            tolerance = 12 if compression == "jpeg" else 1 if mode == "YCbCr" else 0
            yield Case(name, stream.getvalue(), (true,), white, tolerance=tolerance)
