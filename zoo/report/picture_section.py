"""The pictures of a run as part of a page: noisy, denoised and clean, at 1:1, within a size."""

from __future__ import annotations

import io
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from PIL import Image

from zoo.report.page import Section, render
from zoo.report.pictures import Picture
from zoo.report.scales import short
from zoo.report.svg import Value, drawing, element

MOST = 1_300_000  # bytes of all pictures of a page, before base64 makes four of three
SMALLEST = 64  # pixels of a side
WHOLE = 160  # pixels of the longer side of a whole picture, where only a part is at 1:1
TRIES = 6
FAST = 1  # of zlib, for the tries; what is shown is packed as well as can be
LABELS: Mapping[str, str] = {"clean": "clean", "noisy": "other noisy"}


@dataclass(frozen=True)
class Part:
    """The central part of a picture, as PNG files by kind, and the whole of it if that is more."""

    files: Mapping[str, bytes]
    width: int
    height: int
    whole: bytes

    @property
    def size(self) -> int:
        """Bytes in all."""
        return len(self.whole) + sum(map(len, self.files.values()))


def picture_section(pictures: Sequence[Picture], budget: int = MOST) -> Section:
    """Noisy, denoised and clean beside each other, with a slider.

    Args:
        pictures: of a run.
        budget: bytes that all files may have together.
    """
    if not pictures:
        return Section("pictures", "Pictures", Markup(""))
    parts = parts_within(pictures, budget)
    shown = [_shown(picture, part) for picture, part in zip(pictures, parts, strict=True)]
    lead = "Move the slider to compare; 1:1 shows each pixel of the picture as one of the page."
    return Section("pictures", "Pictures", render("pictures.html", pictures=shown), lead)


def parts_within(pictures: Sequence[Picture], budget: int) -> Sequence[Part]:
    """Parts of the pictures, as large as the budget allows and all with the same longest side."""
    side = max(max(picture.shown["noisy"].size) for picture in pictures)
    budget = min(budget, MOST)
    for _ in range(TRIES):
        size = sum(_part(picture, side, FAST).size for picture in pictures)
        if size <= budget or side <= SMALLEST:
            break
        side = max(SMALLEST, int(side * min(0.97, math.sqrt(max(budget, 1) / size))) // 8 * 8)
    return [_part(picture, side) for picture in pictures]


def _part(picture: Picture, side: int, level: int = 9) -> Part:
    width, height = picture.shown["noisy"].size
    across, down = min(side, width), min(side, height)
    left, top = (width - across) // 2, (height - down) // 2
    box = (left, top, left + across, top + down)
    files = {kind: _png(image.crop(box), level) for kind, image in picture.shown.items()}
    whole = b""
    if (across, down) != (width, height):
        small = picture.shown["denoised"].copy()
        small.thumbnail((WHOLE, WHOLE))
        whole = _png(small, level)
    return Part(files, across, down, whole)


def _shown(picture: Picture, part: Part) -> Mapping[str, Any]:
    reference = LABELS.get(picture.compared_with, picture.compared_with)
    labels = {"noisy": "noisy", "reference": reference, "denoised": "denoised"}
    rise = f"{short(picture.psnr_noisy, 4)} → {short(picture.psnr, 4)} dB"
    return {
        "name": picture.name,
        "role": picture.role,
        "psnr": rise if math.isfinite(picture.psnr) else "",
        "width": part.width,
        "height": part.height,
        "left": "noisy",
        "reference": reference if "reference" in part.files else "",
        "layers": [
            (kind, label, data_url(part.files[kind]))
            for kind, label in labels.items()
            if kind in part.files
        ],
        "whole": _whole(picture, part) if part.whole else "",
        "part": (
            f"Above, the central {part.width} × {part.height} of "
            f"{picture.width} × {picture.height} pixels; here all that the run kept, denoised."
        ),
    }


def _whole(picture: Picture, part: Part) -> Markup:
    """The whole picture, small, with a frame around the part."""
    width, height = picture.shown["denoised"].size
    at: dict[str, Value] = {
        "x": (width - part.width) / 2,
        "y": (height - part.height) / 2,
        "width": part.width,
        "height": part.height,
        "vector_effect": "non-scaling-stroke",
    }
    image = element("image", href=data_url(part.whole), width=width, height=height)
    frames = [element("rect", class_=kind, **at) for kind in ("frame dark", "frame")]
    return drawing(width, height, f"{picture.name}, whole", image, *frames)


def data_url(png: bytes) -> str:
    """A PNG file as the address of a picture."""
    return f"data:image/png;base64,{b64encode(png).decode()}"


def _png(image: Image.Image, level: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format="PNG", compress_level=level)
    return stream.getvalue()
