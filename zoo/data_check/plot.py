"""The variance of the noise against the intensity: as plain characters, and as a picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zoo.data_check.noise import Noise
from zoo.data_check.scenes import LEVELS

COLUMNS, ROWS = 60, 12  # of the characters within the axes
LABEL = 8  # characters before them
SIZE = (720, 480)
MARGIN = (80, 40, 24, 56)  # left, top, right, bottom
BACKGROUND, INK, LINE, POINT = (250, 250, 250), (20, 20, 20), (200, 80, 60), (40, 90, 160)
TITLE = "variance of the noise: o measured, . by the noise model"


def plot_text(noise: Noise) -> list[str]:
    """Lines of at most 80 plain characters."""
    top = _top(noise)
    grid = [[" "] * (COLUMNS + 1) for _ in range(ROWS + 1)]

    def put(x: float, y: float, mark: str) -> None:
        column = round(x / LEVELS * COLUMNS)
        row = ROWS - round(y / top * ROWS)
        if 0 <= column <= COLUMNS and 0 <= row <= ROWS:
            grid[row][column] = mark

    for x in np.linspace(0, LEVELS, COLUMNS + 1):
        put(float(x), float(noise.variance_at(np.array(x))), ".")
    for point in noise.points:
        put(point.intensity, point.variance, "o")
    labels = {0: f"{top:.4g}", ROWS // 2: f"{top / 2:.4g}", ROWS: "0"}
    lines = [
        f"{labels.get(row, ''):>{LABEL}} |{''.join(cells)}".rstrip()
        for row, cells in enumerate(grid)
    ]
    middle = COLUMNS // 2
    scale = f"{'0':<{middle - 4}}{'intensity':<{COLUMNS - middle + 2}}255"
    rule = f"{'':>{LABEL}} +{'-' * (COLUMNS + 1)}"
    return [f"{'':{LABEL}}  {TITLE}", *lines, rule, f"{'':{LABEL}}  {scale}"]


def plot_picture(noise: Noise) -> Image.Image:
    """The same as a picture, with the points' errors (two standard errors on each side)."""
    image = Image.new("RGB", SIZE, BACKGROUND)
    draw = ImageDraw.Draw(image)
    font = ImageFont.load_default(14)
    left, upper, right, lower = MARGIN
    width, height = SIZE[0] - left - right, SIZE[1] - upper - lower
    top = _top(noise)

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x / LEVELS * width, upper + height * (1 - min(y, top) / top)

    draw.text((left, 12), f"variance of the noise; {noise.toml}", INK, font)
    for part in range(5):
        x, y = LEVELS * part / 4, top * part / 4
        draw.line([at(0, y), at(LEVELS, y)], (225, 225, 225))
        draw.text((left - 8, at(0, y)[1]), f"{y:.4g}", INK, font, anchor="rm")
        draw.text((at(x, 0)[0], upper + height + 8), f"{x:.0f}", INK, font, anchor="mt")
    draw.text((left + width / 2, SIZE[1] - 12), "intensity", INK, font, anchor="ms")
    draw.line([at(0, top), at(0, 0), at(LEVELS, 0)], INK)
    xs = np.linspace(0, LEVELS, 256)
    fit: Sequence[float] = noise.variance_at(xs).tolist()
    draw.line([at(float(x), y) for x, y in zip(xs, fit, strict=True)], LINE, 2)
    for point in noise.points:
        x, y = at(point.intensity, point.variance)
        ends = [at(point.intensity, max(point.variance + k * point.error, 0)) for k in (-2, 2)]
        draw.line(ends, POINT)
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), POINT)
    return image


def _top(noise: Noise) -> float:
    """The variance at the upper end of the axis."""
    highest = max(point.variance for point in noise.points)
    return max(1.1 * max(highest, float(noise.variance_at(np.array(LEVELS)))), 1e-3)
