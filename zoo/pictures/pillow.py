"""Pixels between Pillow and numpy without copies of the whole picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

from zoo.pictures.picture import Array

ROWS = 256


def pixels_of(image: Image.Image) -> Array:
    """A decoded image as (H, W, S), a few rows at a time: Pillow keeps its own copy meanwhile."""
    image.load()
    samples = len(image.getbands())
    pixels = np.empty((image.height, image.width, samples), np.uint8)
    for top in range(0, image.height, ROWS):
        rows = image.crop((0, top, image.width, min(top + ROWS, image.height)))
        pixels[top : top + ROWS] = np.asarray(rows).reshape(rows.height, rows.width, samples)
    return pixels
