from __future__ import annotations

import numpy as np
from PIL import Image, ImageOps

from zoo.pictures.orientation import upright


def test_every_orientation_of_exif() -> None:
    """Pillow's transpositions, by the table of EXIF 2.3."""
    image = np.arange(6, dtype=np.uint8).reshape(2, 3)
    for orientation in range(1, 9):
        turned = Image.fromarray(image)
        turned.getexif()[274] = orientation
        expected = np.array(ImageOps.exif_transpose(turned))
        np.testing.assert_array_equal(upright(image, orientation), expected)
