"""How strong the noise is, and how it depends on the intensity: gain and read noise.

A sensor's noise has the variance ``gain * x + sigma^2`` (Foi et al., 2008): a straight line, fitted
to variances at different intensities. Those of pairs are of their difference; those of single
pictures of the finest diagonal wavelet coefficients, of which a picture has few, where it is flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pywt

from zoo.data_check.scenes import LEVELS, Floats, Window
from zoo.inference.quality import MEDIAN_SIZE

PATCH = 8  # pixels on a side in which a pair's noise is measured
BINS = 16  # intensities
FEWEST = 32  # patches or coefficients of an intensity
FLATTEST = 0.25  # of the wavelet coefficients: where the two other directions have least
CLIPPED = 0.01  # of an intensity's values at the ends of the range: its variance is not used
SURE = 3.0  # standard errors beyond which a figure of the fit is not 0
# The variance of 64 values of gaussian noise has a spread of sqrt(2 / 63) of itself. Measured on
# photographs: 1.0 to 1.05 times as much for gaussian and Poisson noise, 1.2 after JPEG, 1.8 after
# demosaicking, 5.3 for the pixel sampling of EE-559's pairs.
USUAL_SPREAD = (2 / (PATCH**2 - 1)) ** 0.5
UNEVEN = 2.5
MISFIT = 0.2  # of the variance, a tenth of sigma: so far from a straight line says another model


@dataclass(frozen=True)
class Point:
    """The noise at one intensity, in grey levels of 255."""

    intensity: float
    variance: float
    error: float  # standard, of the variance


@dataclass(frozen=True)
class Noise:
    """The noise of a data set.

    Attributes:
        sigma: its standard deviation over all intensities, in grey levels of 255.
        points: of each intensity, ascending.
        gain: the part of white that a photon adds, as of the noise ``poisson_gaussian``.
        read: sigma of what does not depend on the intensity, in grey levels of 255.
        gain_error: standard error of the gain.
        misfit: how far the variances are from the line, as a part of it, beyond their errors.
        spread: of the variance within an intensity, in units of that of gaussian noise; None of
            single pictures.
        from_pairs: whether it was measured between two views.
    """

    sigma: float
    points: tuple[Point, ...]
    gain: float
    read: float
    gain_error: float
    misfit: float
    spread: float | None
    from_pairs: bool

    @property
    def toml(self) -> str:
        """The line that adds such noise to clean pictures."""
        gain = f"{self.gain:.3g}" if self.gain else "0"
        return f'noise = {{ type = "poisson_gaussian", gain = {gain}, sigma = {self.read:.3g} }}'

    @property
    def follows_texture(self) -> bool:
        """Whether it depends on something else than the intensity, such as texture."""
        return self.spread is not None and self.spread > UNEVEN

    @property
    def is_a_line(self) -> bool:
        """Whether gain and read noise describe it."""
        return self.misfit <= MISFIT and not self.follows_texture

    def variance_at(self, intensity: Floats) -> Floats:
        """By the fit, in squared grey levels of 255."""
        return np.maximum(self.gain * LEVELS * intensity, 0) + self.read**2


def pair_noise(
    windows: Sequence[Window], ends: tuple[float, float], second_is_clean: bool
) -> Noise | None:
    """The noise of pairs that lie on each other; None where too little is seen.

    Args:
        windows: of pairs.
        ends: values of black and white, at which noise is cut off.
        second_is_clean: whether the second view has no noise.
    """
    means, variances, clipped = [], [], []
    for window in windows:
        difference = _patches(window.difference)
        variances.append(difference.var(1, ddof=1) / (1 if second_is_clean else 2))
        means.append(_patches(window.views[1] if second_is_clean else window.mean).mean(1))
        at_ends = sum(((v <= ends[0]) | (v >= ends[1])).astype(np.float32) for v in window.views)
        clipped.append(_patches(np.asarray(at_ends)).mean(1) / len(window.views))
    mean, variance = np.concatenate(means), np.concatenate(variances)
    points, spreads = [], []
    for chosen in _bins(mean, np.concatenate(clipped)):
        here = variance[chosen]
        error = here.std(ddof=1) / len(here) ** 0.5
        points.append(Point(float(mean[chosen].mean()), float(here.mean()), float(error)))
        spreads.append(here.std() / max(here.mean(), 1e-12) / USUAL_SPREAD)
    spread = float(np.median(spreads)) if spreads else None
    return _fitted(points, float(variance.mean()) ** 0.5, spread, from_pairs=True)


def single_noise(
    windows: Sequence[Window], ends: tuple[float, float], view: int = 0
) -> Noise | None:
    """The noise of single pictures; correlated noise is underestimated. None where nothing is seen.

    Args:
        windows: of any pictures.
        ends: values of black and white.
        view: which of the views.
    """
    means, sizes, clipped = [], [], []
    for window in windows:
        pixels = window.views[view]
        if min(pixels.shape[1:]) < PATCH:
            continue
        coarse, details = pywt.dwt2(pixels, "db2", axes=(1, 2))
        busy = details[0] ** 2 + details[1] ** 2
        limit = np.quantile(busy, FLATTEST, axis=(1, 2), keepdims=True)
        flat = busy <= limit
        at_ends = ((pixels <= ends[0]) | (pixels >= ends[1])).astype(np.float32)
        ends_there = np.abs(pywt.dwt2(at_ends, "db2", axes=(1, 2))[0]) / 2
        means.append(coarse[flat] / 2)
        sizes.append(np.abs(details[2][flat]))
        clipped.append(ends_there[flat])
    if not means:
        return None
    mean, size = np.concatenate(means), np.concatenate(sizes)
    points = []
    for chosen in _bins(mean, np.concatenate(clipped)):
        sigma = float(np.median(size[chosen])) / MEDIAN_SIZE
        # The median of n sizes of normal values has a standard error of 1.17 sigma / sqrt(n) there.
        error = 2 * sigma**2 * 1.17 / len(chosen) ** 0.5
        points.append(Point(float(mean[chosen].mean()), sigma**2, error))
    overall = float(np.median(size)) / MEDIAN_SIZE
    return _fitted(points, overall, None, from_pairs=False)


def _patches(image: Floats) -> Floats:
    """(C, h, w) -> (n, 64), patches side by side."""
    channels, height, width = image.shape
    rows, columns = height // PATCH, width // PATCH
    cut = image[:, : rows * PATCH, : columns * PATCH]
    split = cut.reshape(channels, rows, PATCH, columns, PATCH).transpose(0, 1, 3, 2, 4)
    return split.reshape(-1, PATCH**2)


def _bins(mean: Floats, clipped: Floats) -> list[Floats]:
    """Indices of the patches of each intensity of which little is clipped, ascending."""
    order = np.argsort(mean, kind="stable")
    groups = np.array_split(order, max(1, min(BINS, len(order) // FEWEST)))
    return [group for group in groups if len(group) > 1 and clipped[group].mean() <= CLIPPED]


def _fitted(
    points: Sequence[Point], sigma: float, spread: float | None, *, from_pairs: bool
) -> Noise | None:
    """The line through the points: neither gain nor read noise is below 0."""
    if not points:
        return None
    x = np.array([point.intensity for point in points])
    y = np.array([point.variance for point in points])
    error = np.array([point.error for point in points])
    error = np.maximum(error, max(float(y.max()), 1e-6) * 1e-3)  # of no noise at all, too
    weight = error**-2.0
    slope, constant, slope_error = _line(x, y, weight)
    if len(points) < 3 or slope < SURE * slope_error:
        slope, constant = 0.0, float((weight * y).sum() / weight.sum())
    elif constant < 0:
        slope = float((weight * x * y).sum() / (weight * x * x).sum())
        constant = 0.0
    line = np.maximum(slope * x + constant, 1e-6)
    beyond = ((y - line) / line) ** 2 - (error / line) ** 2
    return Noise(
        sigma=sigma,
        points=tuple(points),
        gain=slope / LEVELS,
        read=constant**0.5,
        gain_error=slope_error / LEVELS,
        misfit=float(np.sqrt(max(beyond.mean(), 0))),
        spread=spread,
        from_pairs=from_pairs,
    )


def _line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float, float]:
    """Slope and constant of the weighted line, and the slope's standard error."""
    total = weight.sum()
    middle = (weight * x).sum() / total
    width = (weight * (x - middle) ** 2).sum()
    if width <= 0:
        return 0.0, float((weight * y).sum() / total), float("inf")
    slope = (weight * (x - middle) * y).sum() / width
    constant = (weight * y).sum() / total - slope * middle
    return float(slope), float(constant), float(width**-0.5)
