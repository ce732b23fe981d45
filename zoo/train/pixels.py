"""Images as the 8 bits of a picture to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


def to_bytes(image: Tensor) -> NDArray[np.uint8]:
    """(C, H, W) floats, clipped to [0, 1], as (H, W, C) from 0 to 255."""
    pixels: NDArray[np.uint8] = (
        (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    )
    return pixels
