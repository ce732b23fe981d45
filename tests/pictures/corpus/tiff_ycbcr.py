"""YCbCr in a TIFF: by coefficients, reference black and white, planes and subsampling."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import imagecodecs
import numpy as np

from tests.pictures.corpus.case import Array, Case, random, smooth
from tests.pictures.corpus.tiff_bytes import tags_of, tiff

YCBCR, HEIGHT, WIDTH = 6, 16, 24
LUMAS = {"BT.601": (0.299, 0.587, 0.114), "BT.709": (0.2125, 0.7154, 0.0721)}
REFERENCES = {"full": (0, 255, 128, 255, 128, 255), "video": (15, 235, 128, 240, 128, 240)}
FACTORS = ((2, 1), (2, 2), (1, 2), (4, 1), (4, 2), (4, 4))


def coded(rgb: Array, luma: tuple[float, ...], reference: tuple[int, ...]) -> Array:
    """TIFF 6.0, section 21: RGB to Y, Cb and Cr, (H, W, 3)."""
    red, _, blue = luma
    y = rgb.astype(float) @ np.array(luma)
    cb, cr = (rgb[..., 2] - y) / (2 - 2 * blue), (rgb[..., 0] - y) / (2 - 2 * red)
    black, white = np.array(reference[::2]), np.array(reference[1::2])
    values = np.stack([y, cb, cr], 2) / (255, 127, 127) * (white - black) + black
    return values.round().clip(0, 255).astype(np.uint8)


def subsampled(values: Array, across: int, down: int) -> bytes:
    """Data units: a block of Y, then its Cb and Cr."""
    parts = []
    for top, left in product(range(0, HEIGHT, down), range(0, WIDTH, across)):
        block = values[top : top + down, left : left + across]
        parts += [block[..., 0].tobytes(), bytes(block[0, 0, 1:])]
    return b"".join(parts)


def as_strips() -> Iterator[Case]:
    rgb = smooth(HEIGHT, WIDTH)
    for (name, luma), (span, reference) in product(LUMAS.items(), REFERENCES.items()):
        values = coded(rgb, luma, reference)
        more: dict[str, Any] = {
            "t529": ("r", [(round(part * 10000), 10000) for part in luma]),
            "t532": ("r", [(part, 1) for part in reference]),
        }
        whole = tags_of(values, 8, YCBCR, **more, t530=("H", [1, 1]))
        planes = [values[..., index].tobytes() for index in range(3)]
        for order in "<>":
            title = f"YCbCr {name}, {span}, {order}"
            data = tiff((whole, [values.tobytes()]), order=order)
            yield Case(title, data, (rgb,), tolerance=3)
            data = tiff((whole | {284: ("H", 2)}, planes), order=order)
            yield Case(f"{title}, planes", data, (rgb,), tolerance=3)
            lzw = bytes(imagecodecs.lzw_encode(values.tobytes()))
            data = tiff((whole | {259: ("H", 5)}, [lzw]), order=order)
            yield Case(f"{title}, LZW", data, (rgb,), tolerance=3)
        for across, down in FACTORS:
            tags = whole | {530: ("H", [across, down])}
            data = tiff((tags, [subsampled(values, across, down)]))
            refused = f"its colours are YCbCr, subsampled {across} x {down}."
            yield Case(f"YCbCr {name}, {span}, {across} x {down}", data, refused=refused)


def otherwise() -> Iterator[Case]:
    values = random(HEIGHT, WIDTH, 3)
    tags = tags_of(values, 8, YCBCR)
    refused = "its colours are YCbCr, subsampled 2 x 2."
    yield Case("YCbCr, subsampled by default", tiff((tags, [values.tobytes()])), refused=refused)
    fine = random(HEIGHT, WIDTH, 3, bits=16)
    tags = tags_of(fine, 16, YCBCR, t530=("H", [1, 1]))
    yield Case("YCbCr of 16 bits", tiff((tags, [fine.tobytes()])), refused="YCbCr of 16 bits.")
    segments = [bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(values[..., 0])))] * 3
    tags = tags_of(values, 8, YCBCR, t259=("H", 7), t284=("H", 2), t530=("H", [1, 1]))
    yield Case("YCbCr as JPEG, planes", tiff((tags, segments)), refused="YCbCr as JPEG with planes")
    tags = tags_of(values, 8, YCBCR, t259=("H", 50001), t530=("H", [1, 1]))
    data = tiff((tags, [bytes(imagecodecs.webp_encode(values, lossless=True))]))
    yield Case("YCbCr as WebP", data, refused="YCbCr inside of WEBP.")


def cases() -> list[Case]:
    """All of them."""
    return [*as_strips(), *otherwise()]
