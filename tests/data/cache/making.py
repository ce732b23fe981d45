"""Pictures for the tests of a cache."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile

DRAWS = np.random.default_rng(0)


def values(*shape: int, dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    high = 1 if np.dtype(dtype).kind == "f" else np.iinfo(dtype).max
    return (DRAWS.random(shape) * high).astype(dtype)


def write(path: Path, pixels: np.ndarray[Any, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(pixels))
    else:
        tifffile.imwrite(path, pixels, photometric="rgb" if pixels.shape[-1] == 3 else "minisblack")
    return path


def entries(cache: Path) -> list[Path]:
    return sorted(cache.glob("pictures-1/*/*.pixels"))
