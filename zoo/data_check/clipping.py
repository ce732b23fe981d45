"""Whether noise was cut off at black and white, and by how much that shifts its mean.

A value of mean x and deviation s that is cut off at white w has the mean
``x - s (phi(t) - t Q(t))`` with ``t = (w - x) / s``; phi is the normal density, Q its upper tail.
At t = 0 that is 0.4 s too dark. Means are what is learnt, so a network learns the shifted ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, pi, sqrt

import numpy as np

from zoo.data_check.noise import SURE, Noise
from zoo.data_check.scenes import Floats, Window

PATCH = 8  # pixels on a side
TAIL = 4.0  # standard deviations: so far from an end nothing is cut off
FEWEST = 8  # values at an end
STEPS = 161  # of the table that the shift is read from
VISIBLE = 0.5  # grey levels: less is rounded away in a picture of 8 bits
PART = 0.01  # of all patches: the lightest or darkest spot of a picture may be cut off


@dataclass(frozen=True)
class Clipping:
    """Values at the ends of the range.

    Attributes:
        ends: black and white, in grey levels of 255.
        at_black, at_white: part of all values that are there, 0 to 1.
        noisy: part of the patches of 8 x 8 pixels in which noise is cut off, so that their mean is
            shifted by half a grey level or more.
        shift_at_black, shift_at_white: of those patches, the mean shift, in grey levels of 255.
    """

    ends: tuple[float, float]
    at_black: float
    at_white: float
    noisy: float
    shift_at_black: float
    shift_at_white: float

    @property
    def is_harmful(self) -> bool:
        """Whether more than a few patches are shifted by what can be seen."""
        return self.noisy > PART


def find_clipping(
    windows: Sequence[Window], ends: tuple[float, float], noise: Noise | None, views: int
) -> Clipping:
    """What is at the ends, and what that means for noise of that strength.

    Args:
        windows: of any pictures.
        ends: black and white.
        noise: of the pictures; None where it is unknown.
        views: how many of the views are noisy, 1 or 2.
    """
    lows, highs, means = [], [], []
    for window in windows:
        for view in window.views[:views]:
            lows.append(_patch_means(view <= ends[0]))
            highs.append(_patch_means(view >= ends[1]))
            means.append(_patch_means(view))
    low, high, mean = (np.concatenate(them) for them in (lows, highs, means))
    black, white = np.zeros(0), np.zeros(0)
    if noise is not None:
        # One value is the lowest, and one the highest, also where nothing is cut off.
        low, high = (part if part.sum() >= FEWEST / PATCH**2 else 0 * part for part in (low, high))
        # What the gain adds at black goes to 0 with the light: only the read noise is cut off.
        read = noise.read if noise.gain < SURE * noise.gain_error else _sure_read(noise)
        cut = (low > 0) & (low < 1)
        black = _shift((mean[cut] - ends[0]) / max(read, 1e-6)) * read
        cut = (high > 0) & (high < 1)
        strength = float(np.sqrt(noise.variance_at(np.array(ends[1]))))
        white = -_shift((ends[1] - mean[cut]) / max(strength, 1e-6)) * strength
    black, white = black[black >= VISIBLE], white[white <= -VISIBLE]
    return Clipping(
        ends,
        float(low.mean()),
        float(high.mean()),
        (len(black) + len(white)) / max(len(mean), 1),
        float(black.mean()) if len(black) else 0.0,
        float(white.mean()) if len(white) else 0.0,
    )


def _sure_read(noise: Noise) -> float:
    """The read noise, or 0 where the line could as well go through 0."""
    first = noise.points[0]
    doubt = SURE * noise.gain_error * 255 * first.intensity
    return sqrt(max(noise.read**2 - doubt, 0))


def _patch_means(image: Floats) -> Floats:
    """(C, h, w) -> (n,), of each patch; of a smaller picture its own."""
    channels, height, width = image.shape
    rows, columns = max(height // PATCH, 1), max(width // PATCH, 1)
    cut = image[:, : rows * PATCH, : columns * PATCH]
    split = cut.reshape(channels, rows, cut.shape[1] // rows, columns, cut.shape[2] // columns)
    means: Floats = split.mean((2, 4), dtype=np.float64).ravel()
    return means


def _shift(distance: Floats) -> Floats:
    """By how many s the mean of what was cut off is shifted, for what is left of the distance.

    Args:
        distance: of the mean after cutting from the end, in s; that before is looked up. Before it
            was at least 0: there is nothing darker than black.
    """
    before = np.linspace(0, TAIL, STEPS)
    lost = np.array([exp(-t * t / 2) / sqrt(2 * pi) - t * erfc(t / sqrt(2)) / 2 for t in before])
    shifts: Floats = np.interp(distance, before + lost, lost, right=0.0)
    return shifts
