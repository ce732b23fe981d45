"""WebPs of every kind, and with bytes behind them."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from tests.pictures.corpus.behind import BEHIND
from tests.pictures.corpus.case import Array, Case, random, smooth

LOSSLESS: dict[str, Any] = {"lossless": True, "exact": True}
FOUR = random(40, 48, 4)
RGB = np.ascontiguousarray(FOUR[..., :3])


def saved(pixels: Array, **options: Any) -> bytes:
    """A WebP by Pillow."""
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "WEBP", **options)
    return stream.getvalue()


def animation() -> bytes:
    stream = BytesIO()
    frames = [Image.fromarray(RGB), Image.fromarray(smooth(40, 48))]
    frames[0].save(stream, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    return stream.getvalue()


def kinds() -> Iterator[Case]:
    slope = smooth(40, 48)
    yield Case("lossless", saved(RGB, **LOSSLESS), (RGB,))
    yield Case("lossless with alpha", saved(FOUR, **LOSSLESS), (RGB,))
    yield Case("of imagecodecs", imagecodecs.webp_encode(FOUR, lossless=True), (RGB,))
    grey = np.repeat(RGB[..., :1], 3, 2)
    yield Case("of grey", saved(RGB[..., 0].copy(), **LOSSLESS), (grey,))
    for quality in (80, 100):
        yield Case(f"quality {quality}", saved(slope, quality=quality), (slope,), tolerance=12)
        alpha = np.dstack([slope, np.full((40, 48), 200, np.uint8)])
        name = f"quality {quality} with alpha"
        yield Case(name, saved(alpha, quality=quality), (slope,), tolerance=12)
    remark = "only the first picture of its animation is kept"
    yield Case("an animation", animation(), (RGB,), remark=remark)


def more_in_the_file() -> Iterator[Case]:
    exif = Image.Exif()
    exif[271] = "Maker"
    whole = {
        "lossless": saved(RGB, **LOSSLESS),
        "lossless with EXIF": saved(RGB, **LOSSLESS, exif=exif),
        "lossless with alpha": saved(FOUR, **LOSSLESS),
        "an animation": animation(),
    }
    for name, data in whole.items():
        for what, more in {**BEHIND, "another": data}.items():
            remark = f"{len(more)} bytes after the picture are left out" if what != "zeros" else ""
            yield Case(f"{name} with {what} behind it", data + more, (RGB,), remark=remark)


def cases() -> list[Case]:
    """All of them."""
    return [*kinds(), *more_in_the_file()]
