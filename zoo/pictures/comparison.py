"""A picture of what a denoiser did: before, after, and what was removed, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Array = np.ndarray[Any, np.dtype[Any]]

WHOLE = 640  # the longer side of the whole picture is reduced to at most so many pixels
REGION = 400  # the side of a region that is shown 1:1
NARROWEST = 260  # which leaves room for the captions
SMALL = 160  # a picture is enlarged until its longer side has so many
GAIN = 3  # how many times stronger than it is what was removed is shown
GAP = 8
STRIP = 26  # the height of a caption
BACKGROUND, TEXT = (250, 250, 250), (20, 20, 20)
LATTICE = 6  # places along each side at which a region to show 1:1 may begin


def draw_comparison(before: Array, after: Array, white: float) -> Image.Image:
    """Before, after, and what was removed around mid-grey: the whole, and two regions 1:1.

    The regions are that with the most detail and the flattest one beside it; a picture that is not
    reduced has none.

    Args:
        before, after: (H, W) or (H, W, C) of 1 or 3 channels.
        white: the value of white in both.
    """
    height, width = before.shape[:2]
    step = -(-max(height, width) // WHOLE)
    first, second = (_reduced(image, step) / np.float32(white) for image in (before, after))
    how = f", whole, reduced {step}x" if step > 1 else ""
    rows = [_row(first, second, how)]
    for what, top, left in _regions(second, step, height, width) if step > 1 else ():
        here, there = (
            np.atleast_3d(image[top : top + REGION, left : left + REGION]).astype(np.float32)
            / np.float32(white)
            for image in (before, after)
        )
        rows.append(_row(here, there, f", 1:1, {what}"))
    return _stacked(rows)


def _reduced(image: Array, step: int) -> Array:
    """Means of step x step pixels, (h, w, C) float32; a few rows at once."""
    if step == 1:
        return np.atleast_3d(image).astype(np.float32)
    rows, columns = image.shape[0] // step, image.shape[1] // step
    whole = np.atleast_3d(image)[: rows * step, : columns * step]
    lines = [
        whole[row * step : (row + 1) * step]
        .reshape(step, columns, step, -1)
        .mean((0, 2), dtype=np.float32)
        for row in range(rows)
    ]
    return np.stack(lines)


def _regions(small: Array, step: int, height: int, width: int) -> Iterator[tuple[str, int, int]]:
    """What to show 1:1 of a picture that was reduced to ``small``: what it is, top and left."""
    side = max(1, REGION // step)
    detail = {}
    for top in np.linspace(0, max(0, height - REGION), LATTICE).astype(int):
        for left in np.linspace(0, max(0, width - REGION), LATTICE).astype(int):
            part = small[top // step :, left // step :][:side, :side]
            clipped = not 0.05 < part.mean() < 0.92
            detail[int(top), int(left)] = (not clipped, float(part.std()))
    most = max(detail, key=lambda place: detail[place])
    yield "most detail", *most
    beside = [
        place
        for place in detail
        if max(abs(place[0] - most[0]), abs(place[1] - most[1])) >= REGION and detail[place][0]
    ]
    if beside:
        yield "flattest", *min(beside, key=lambda place: detail[place])


def _row(before: Array, after: Array, how: str) -> Image.Image:
    """Three panels under their captions; images (h, w, C) in [0, 1]."""
    removed = 0.5 + GAIN * (before - after)
    captions = (f"before{how}", f"after{how}", f"removed, {GAIN}x as strong")
    panels = [_panel(image) for image in (before, after, removed)]
    width = max(panels[0].width, NARROWEST)
    row = Image.new("RGB", (3 * width + 4 * GAP, panels[0].height + STRIP), BACKGROUND)
    draw, font = ImageDraw.Draw(row), ImageFont.load_default(15)
    for number, (panel, caption) in enumerate(zip(panels, captions, strict=True)):
        left = GAP + number * (width + GAP)
        draw.text((left, 4), caption, TEXT, font)
        row.paste(panel, (left, STRIP))
    return row


def _panel(image: Array) -> Image.Image:
    pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    colour = pixels if pixels.shape[2] == 3 else pixels[:, :, :1].repeat(3, axis=2)
    scale = max(1, SMALL // max(colour.shape[:2]))
    return Image.fromarray(colour.repeat(scale, axis=0).repeat(scale, axis=1))


def _stacked(rows: Sequence[Image.Image]) -> Image.Image:
    size = max(row.width for row in rows), sum(row.height + GAP for row in rows)
    whole = Image.new("RGB", size, BACKGROUND)
    top = 0
    for row in rows:
        whole.paste(row, (0, top))
        top += row.height + GAP
    return whole
