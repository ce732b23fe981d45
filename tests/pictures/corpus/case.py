"""A file, and what its pixels are by how it was made: zoo's reader has no part in that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

HEIGHT, WIDTH = 19, 21  # no multiple of a byte's bits, of a tile or of a block of JPEG


@dataclass(frozen=True)
class Case:
    """A file of the corpus.

    Attributes:
        name: what it is.
        data: its bytes.
        planes: the true values of its planes, (H, W) or (H, W, C); none for a file that is refused.
        white: the true value of white.
        refused: what the message says of a file that is refused.
        tolerance: how far values may be off, where a file was compressed with loss.
        remark: a sentence that reading it gives, if any.
    """

    name: str
    data: bytes
    planes: tuple[Array, ...] = ()
    white: float = 255
    refused: str = ""
    tolerance: float = 0
    remark: str = ""


def random(*shape: int, bits: int = 8, seed: int = 0) -> Array:
    """Random integers that use all of the bits, black and white among them."""
    values = np.random.default_rng(seed).integers(0, 2**bits, shape, dtype=np.uint64)
    values.flat[0], values.flat[1] = 0, 2**bits - 1
    return values.astype(f"u{1 if bits <= 8 else 2 if bits <= 16 else 4 if bits <= 32 else 8}")


def smooth(height: int = HEIGHT, width: int = WIDTH, channels: int = 3) -> Array:
    """A picture that lossy compression changes little: slopes, different in each channel."""
    y, x = np.mgrid[:height, :width]
    slopes = [(3 * y + 5 * x) + 20, 160 - 4 * y + x, 60 + 4 * y - x, 100 + x + y]
    return np.stack(slopes[:channels], axis=2).clip(0, 255).astype(np.uint8)


def as_read(values: Array, bits: int) -> Array:
    """What values are once they are of 8 bits or more: white stays white."""
    if bits >= 8:
        return values
    return np.floor(values.astype(float) * 255 / (2**bits - 1) + 0.5).astype(np.uint8)


def white_of(bits: int) -> float:
    """White of as many bits once they are read."""
    return 255 if bits < 8 else 2**bits - 1
