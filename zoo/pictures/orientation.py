"""Pictures as they are stored, and the way up."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]


def upright(image: Array, orientation: int) -> Array:
    """A view of a stored image (H, W) or (H, W, C) the way up that EXIF's number, 1 to 8, says."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return image
