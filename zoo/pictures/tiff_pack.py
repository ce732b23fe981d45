"""Values of 9 to 15 bits packed without gaps, as strips or tiles; each row begins with a byte.

tifffile packs as well, but from values in the byte order of the file, which gives other values in a
big-endian one.
"""

from __future__ import annotations

from collections.abc import Iterator

import imagecodecs
import numpy as np

from zoo.pictures.picture import Array
from zoo.pictures.tiff_page import PageFormat


def packed(samples: Array, form: PageFormat) -> Iterator[bytes]:
    """The strips or tiles of (H, W, S) samples in the order in which a TIFF has them."""
    separate = range(samples.shape[2]) if form.separate else [slice(None)]
    for index in separate:
        plane = samples[..., index].reshape(*form.shape, -1)  # H, W, 1 or S
        for segment in _tiles(plane, form.tile) if form.tile else _strips(plane, form):
            row = segment.shape[1] * segment.shape[2]
            yield bytes(imagecodecs.packints_encode(segment.ravel(), form.depth.bits, runlen=row))


def _strips(plane: Array, form: PageFormat) -> Iterator[Array]:
    rows = min(form.rows_per_strip or len(plane), len(plane))
    for top in range(0, len(plane), rows):
        yield plane[top : top + rows]


def _tiles(plane: Array, tile: tuple[int, int]) -> Iterator[Array]:
    """Tiles from left to right, then down; what lies outside of the plane is 0."""
    height, width, samples = plane.shape
    for top in range(0, height, tile[0]):
        for left in range(0, width, tile[1]):
            part = plane[top : top + tile[0], left : left + tile[1]]
            whole = np.zeros((*tile, samples), plane.dtype)
            whole[: part.shape[0], : part.shape[1]] = part
            yield whole
