"""Whether the two views of pairs are equally bright: in all, by channel, and at each intensity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.data_check.scenes import Floats, Window

PATCH = 8  # pixels on a side
BINS = 8  # intensities
FEWEST = 64  # patches of an intensity
VISIBLE = 0.5  # grey levels: less is rounded away in a picture of 8 bits
SURE = 5.0  # standard errors


@dataclass(frozen=True)
class Offset:
    """The mean of first minus second view at one intensity, in grey levels of 255."""

    intensity: float
    value: float
    error: float

    @property
    def is_sure(self) -> bool:
        """Whether it would be seen, and is no chance."""
        return abs(self.value) > max(VISIBLE, SURE * self.error)


@dataclass(frozen=True)
class Brightness:
    """How the brightness of two views differs.

    Attributes:
        mean: over everything.
        channels: of each channel.
        intensities: at each intensity, of all channels together, ascending.
    """

    mean: Offset
    channels: tuple[Offset, ...]
    intensities: tuple[Offset, ...]

    @property
    def worst_channel(self) -> Offset:
        """That of the largest difference."""
        return max(self.channels, key=lambda it: abs(it.value))

    @property
    def worst_intensity(self) -> Offset | None:
        """That which is furthest from the mean, for sure; None where none is."""
        return max(
            (it for it in self.intensities if self.beside_the_mean(it).is_sure),
            key=lambda it: abs(it.value - self.mean.value),
            default=None,
        )

    def beside_the_mean(self, offset: Offset) -> Offset:
        """How far an intensity's difference is from that of all."""
        error = float(np.hypot(offset.error, self.mean.error))
        return Offset(offset.intensity, offset.value - self.mean.value, error)


def compare_brightness(windows: Sequence[Window]) -> Brightness | None:
    """The difference of the views of pairs; None where the pictures are smaller than two patches.

    The intensity of a patch is that of the patches around it: its own noise would sort the darker
    of two views under dark ones.
    """
    offsets, around = [], []
    for window in windows:
        if min(window.views[0].shape[1:]) < 2 * PATCH:
            continue
        difference = patch_means(window.difference)
        offsets.append(difference.reshape(len(difference), -1))
        around.append(_around(patch_means(window.mean)).reshape(len(difference), -1))
    if not offsets:
        return None
    offset, intensity = np.concatenate(offsets, 1), np.concatenate(around, 1)  # C, P
    flat, levels = offset.ravel(), intensity.ravel()
    order = np.argsort(levels, kind="stable")
    groups = np.array_split(order, max(1, min(BINS, len(order) // FEWEST)))
    return Brightness(
        _offset(flat, levels),
        tuple(_offset(*of_channel) for of_channel in zip(offset, intensity, strict=True)),
        tuple(_offset(flat[group], levels[group]) for group in groups),
    )


def patch_means(image: Floats) -> Floats:
    """(C, h, w) -> (C, rows, columns), the means of patches."""
    channels, height, width = image.shape
    rows, columns = height // PATCH, width // PATCH
    cut = image[:, : rows * PATCH, : columns * PATCH]
    blocks = cut.reshape(channels, rows, PATCH, columns, PATCH)
    means: Floats = blocks.mean((2, 4), dtype=np.float64)
    return means


def _around(means: Floats) -> Floats:
    """Of each patch the mean of its up to eight neighbours."""
    rows, columns = means.shape[1:]

    def sums(values: Floats) -> Floats:
        padded = np.pad(values, ((0, 0), (1, 1), (1, 1)))
        boxes = [padded[:, y : y + rows, x : x + columns] for y in range(3) for x in range(3)]
        total: Floats = np.sum(boxes, 0) - values
        return total

    result: Floats = sums(means) / sums(np.ones_like(means))
    return result


def _offset(values: Floats, intensities: Floats) -> Offset:
    error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else np.inf
    return Offset(float(intensities.mean()), float(values.mean()), float(error))
