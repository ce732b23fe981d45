"""Cross-spectra of the two views of a pair, block by block, and what weight each frequency has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.data_check.scenes import Floats, Window

Complex = NDArray[np.complexfloating[Any, Any]]

SIZES = (64, 32, 16)  # pixels on a side of a block
ENOUGH = 16  # blocks to tell an error from
LOWEST = 1.5  # cycles of a block: below are its mean and the window function
COHERENT = 0.99  # more is not believed: it would be all that counts


@dataclass(frozen=True)
class Blocks:
    """Blocks of n x n pixels in both views.

    Attributes:
        scenes: of each block its scene's index, (B,).
        places: y and x of its centre from the centre of the picture, in pixels, (B, 2).
        half_diagonals: of the pictures, in pixels, (B,).
        cross: first view's spectrum times the conjugate of the second's, (B, n, n // 2 + 1).
        power: the product of both amplitudes' mean squares, by frequency, (n, n // 2 + 1).
    """

    scenes: NDArray[np.int64]
    places: Floats
    half_diagonals: Floats
    cross: Complex
    power: Floats

    @property
    def size(self) -> int:
        """n."""
        return int(self.cross.shape[1])


def block_size(windows: Sequence[Window]) -> int | None:
    """The largest size of which there are enough blocks; None if there are no 8 of the smallest."""
    for size in SIZES:
        count = sum((w.views[0].shape[1] // size) * (w.views[0].shape[2] // size) for w in windows)
        if count >= (ENOUGH if size > SIZES[-1] else ENOUGH // 2):
            return size
    return None


def make_blocks(
    windows: Sequence[Window], size: int, starts: Sequence[tuple[int, int]]
) -> Blocks | None:
    """The blocks of windows, those of the second view shifted; None if there are none.

    Args:
        windows: of pairs.
        size: n.
        starts: of each window how far down and across the second view is shifted, whole pixels.
    """
    hann = np.hanning(size + 1)[:size].astype(np.float32)
    window_function = hann[:, None] * hann
    scenes, places, halves, cross, powers = [], [], [], [], []
    for window, (down, across) in zip(windows, starts, strict=True):
        first, second = (view.mean(0) for view in window.views)
        height, width = first.shape
        for top in range(max(0, -down), min(height, height - down) - size + 1, size):
            for left in range(max(0, -across), min(width, width - across) - size + 1, size):
                one = first[top : top + size, left : left + size]
                other = second[top + down : top + down + size, left + across :][:, :size]
                a, b = (
                    np.fft.rfft2((block - block.mean()) * window_function) for block in (one, other)
                )
                scenes.append(window.scene)
                middle = size / 2 + np.array([window.top + top, window.left + left])
                places.append(middle - np.array(window.size) / 2)
                halves.append(np.hypot(*window.size) / 2)
                cross.append(a * b.conj())
                powers.append((np.abs(a) ** 2, np.abs(b) ** 2))
    if not cross:
        return None
    power = np.mean(np.array(powers), 0)
    return Blocks(
        np.array(scenes), np.array(places), np.array(halves), np.array(cross), power.prod(0) ** 0.5
    )


def frequencies(size: int) -> tuple[Floats, Floats]:
    """2 pi f down and across of each bin of a real spectrum, both (n, n // 2 + 1)."""
    down = 2 * np.pi * np.fft.fftfreq(size)[:, None]
    across = 2 * np.pi * np.fft.rfftfreq(size)[None]
    shape = (size, size // 2 + 1)
    return np.broadcast_to(down, shape), np.broadcast_to(across, shape)


def rings(size: int) -> NDArray[np.int64]:
    """Of each bin its distance from frequency 0 in cycles of a block, rounded."""
    down, across = frequencies(size)
    return np.rint(np.hypot(down, across) * size / (2 * np.pi)).astype(np.int64)


def ring_means(values: Floats, size: int) -> Floats:
    """Each bin's value replaced by the mean of its ring."""
    ring = rings(size)
    flat = ring.ravel()
    means = np.bincount(flat, values.ravel()) / np.bincount(flat)
    return means[ring]


def first_weights(power: Floats, size: int) -> Floats:
    """Weights without knowledge of the noise: those of long waves, whitened."""
    ring = rings(size)
    whitened = 1 / np.maximum(ring_means(power, size), 1e-12)
    return np.where((ring > LOWEST) & (ring <= size / 8), whitened, 0.0)


def coherence(cross: Complex, power: Floats, size: int) -> Floats:
    """What part of both views is common, ring by ring, 0 to 1.

    Args:
        cross: mean cross-spectrum, with the shift taken out.
        power: as of :class:`Blocks`.
        size: n.
    """
    common = ring_means(cross.real, size) / np.maximum(ring_means(power, size), 1e-12)
    return np.clip(common, 0, COHERENT)


def best_weights(common: Floats, power: Floats, size: int, blocks: int) -> Floats:
    """The weights of the most likely shift (Hannan and Thomson, 1973), by coherence.

    Rings that have no more in common than chance, 3 / sqrt(bins), count nothing.
    """
    ring = rings(size)
    bins = np.bincount(ring.ravel())[ring] * blocks
    weights = common / (1 - common**2) / np.maximum(ring_means(power, size), 1e-12)
    return np.where((ring > LOWEST) & (common > 3 / np.sqrt(bins)), weights, 0.0)
