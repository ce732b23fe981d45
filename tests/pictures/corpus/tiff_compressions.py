"""TIFFs in every compression that tifffile writes, with every predictor, and packed ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from itertools import product
from typing import Any

import imagecodecs
import numpy as np
import tifffile

from tests.pictures.corpus.case import HEIGHT, WIDTH, Array, Case, as_read, random, smooth, white_of
from tests.pictures.corpus.tiff_bytes import pack, tags_of, tiff

OF_ANY_VALUES = ("none", "lzw", "deflate", "packbits", "lzma", "zstd", "lerc")
WITHOUT_PREDICTOR = ("none", "packbits", "lerc")
OF_PICTURES: dict[str, dict[str, Any]] = {  # each without loss, in the depths that it takes
    **{"jpeg2000": {"level": 0}, "jpegxl": {"lossless": True}, "png": {}, "jpegxr": {}},
    "webp": {"lossless": True, "level": -1},
}
CODECS: dict[int, Callable[[bytes], Any]] = {  # by the number of the compression
    **{32773: imagecodecs.packbits_encode, 8: imagecodecs.zlib_encode},
    **{32946: imagecodecs.zlib_encode, 5: imagecodecs.lzw_encode},
    **{50000: imagecodecs.zstd_encode, 34925: imagecodecs.lzma_encode},
}


def written(data: Array, **options: Any) -> bytes:
    """A file by tifffile."""
    stream = BytesIO()
    tifffile.imwrite(stream, data, metadata=None, **options)
    return stream.getvalue()


def of_any_values() -> Iterator[Case]:
    """By type, byte order, predictor, and strips, tiles or planes."""
    for compression, kind, order, layout in product(
        OF_ANY_VALUES, ("u1", "u2", "f2", "f4", "f8"), "<>", ("strips", "tiles", "planes")
    ):
        if compression == "lerc" and (kind == "f2" or order == ">"):  # which it does not take
            continue
        floating, bits = kind[0] == "f", 8 * int(kind[1])
        values = random(HEIGHT, WIDTH, 3, bits=16 if floating else bits)
        values = (values / 32768 - 0.5).astype(kind) if floating else values
        options: dict[str, Any] = {"photometric": "rgb", "byteorder": order}
        options |= {"tiles": {"tile": (16, 16)}, "strips": {"rowsperstrip": 4}}.get(layout, {})
        stored = values
        if layout == "planes":
            stored = np.ascontiguousarray(np.moveaxis(values, 2, 0))
            options["planarconfig"] = "separate"
        for predictor in (1,) if compression in WITHOUT_PREDICTOR else (1, 3 if floating else 2):
            if compression != "none":
                options |= {"compression": compression, "predictor": predictor}
            name = f"{compression}, {kind}, {order}, predictor {predictor}, {layout}"
            white = 1.0 if floating else 2**bits - 1
            yield Case(name, written(stored, **options), (values,), white)


def of_pictures() -> Iterator[Case]:
    for (compression, arguments), bits, channels in product(
        OF_PICTURES.items(), (8, 16), (1, 3, 4)
    ):
        if compression == "webp" and (bits, channels) not in ((8, 3), (8, 4)):
            continue
        values = random(HEIGHT, WIDTH, channels, bits=bits)
        values = values[..., 0] if channels == 1 else values
        options: dict[str, Any] = {"photometric": "rgb" if channels > 1 else "minisblack"}
        if channels == 4:
            options["extrasamples"] = ["unassalpha"]
        data = written(values, compression=compression, compressionargs=arguments, **options)
        true = values[..., :3] if channels > 1 else values
        yield Case(f"{compression}, {bits} bits, {channels} samples", data, (true,), 2**bits - 1)


def jpegs() -> Iterator[Case]:
    """JPEG in a TIFF: a slope survives its loss."""
    ways = [("minisblack", None), ("miniswhite", None)]
    ways += [("rgb", factors) for factors in ((1, 1), (2, 1), (2, 2), (4, 1))]
    for order, (photometric, factors), tile in product("<>", ways, (None, (32, 32))):
        values = smooth(64, 64, 3 if photometric == "rgb" else 1)
        values = values if photometric == "rgb" else values[..., 0]
        options = {"compression": "jpeg", "compressionargs": {"level": 100}, "tile": tile}
        options |= {"photometric": photometric, "byteorder": order, "subsampling": factors}
        true = 255 - values if photometric == "miniswhite" else values
        name = f"jpeg {photometric}, subsampled {factors}, {order}, tile {tile}"
        yield Case(name, written(values, **options), (true,), tolerance=8)
    twelve = smooth(64, 64, 1)[..., 0].astype(np.uint16) * 16
    arguments = {"level": 100, "bitspersample": 12}
    data = written(twelve, compression="jpeg", compressionargs=arguments, bitspersample=12)
    yield Case("jpeg of 12 bits", data, (twelve,), 4095, tolerance=8)


def packed() -> Iterator[Case]:
    """Values of any number of bits, packed and then compressed."""
    for bits, order, number, channels in product((1, 2, 4, 6, 10, 12, 14), "<>", CODECS, (1, 3)):
        values = random(HEIGHT, WIDTH, channels, bits=bits)
        values = values[..., 0] if channels == 1 else values
        segment = bytes(CODECS[number](pack(values, bits, order)))
        tags = tags_of(values, bits, 1 if channels == 1 else 2, t259=("H", number))
        name = f"{bits} bits of {channels} samples in compression {number}, {order}"
        data = tiff((tags, [segment]), order=order)
        yield Case(name, data, (as_read(values, bits),), white_of(bits))


def predicted_otherwise() -> Iterator[Case]:
    """Differences that readers do not agree on."""
    for bits, channels in product((4, 10, 12, 14), (1, 3)):
        values = random(HEIGHT, WIDTH, channels, bits=bits)
        differences = np.diff(values.astype(int), axis=1, prepend=0) % 2**bits
        segment = bytes(imagecodecs.zlib_encode(pack(differences.astype(np.uint16), bits)))
        photometric = 1 if channels == 1 else 2
        tags = tags_of(values, bits, photometric, t259=("H", 8), t317=("H", 2))
        refused = f"has a predictor with values of {bits} bits, which is read in two ways."
        yield Case(
            f"{bits} bits of {channels}, differences", tiff((tags, [segment])), refused=refused
        )
    values = random(HEIGHT, WIDTH)
    for order in "<>":
        for predictor in (2, 3):
            tags = tags_of(values, 8, 1, t317=("H", predictor))
            name = f"predictor {predictor} without compression, {order}"
            yield Case(name, tiff((tags, [values.tobytes()]), order=order), (values,))
        tags = tags_of(values, 8, 1, t317=("H", 2), t259=("H", 32773))
        data = tiff((tags, [bytes(imagecodecs.packbits_encode(values.tobytes()))]), order=order)
        refused = "has a predictor with PackBits, which is read in two ways."
        yield Case(f"a predictor with PackBits, {order}", data, refused=refused)


def not_undone() -> Iterator[Case]:
    values = random(HEIGHT, WIDTH)
    for number, name in (
        (34661, "JBIG"),
        (34713, "NIKON_NEF"),
        (32909, "PIXARLOG"),
        (9999, "9999"),
    ):
        data = tiff((tags_of(values, 8, 1, t259=("H", number)), [values.tobytes()]))
        yield Case(f"compression {number}", data, refused=name)


def cases() -> list[Case]:
    """All of them."""
    return [
        *of_any_values(),
        *of_pictures(),
        *jpegs(),
        *packed(),
        *predicted_otherwise(),
        *not_undone(),
    ]
