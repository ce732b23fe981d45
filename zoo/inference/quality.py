"""What can be said of a denoised picture when there is no clean one to compare it with.

The strength of the noise before and after, and how alike the noise, and what was removed, are at
neighbouring pixels. Noise that is independent from pixel to pixel has no such likeness; what has is
either noise that was smoothed (by a camera's demosaicking or JPEG compression), or detail.
Everything is measured on up to 64 windows of 256 x 256 pixels, spread evenly over the picture, so
that time and memory are bounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pywt
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Array = NDArray[Any]
Floats = NDArray[np.float32]

WINDOW = 256  # pixels; a multiple of PATCH
MOST_WINDOWS = 64
PATCH = 16  # pixels
FLATTEST = 0.01  # of as many patches as lie side by side in the windows
FEWEST_PATCHES = 16
DENSE_WINDOWS = 16  # so many are looked at for patches every 8 pixels, more every 16
CORRELATED = 0.1  # an autocorrelation above this is no independent noise's
STRUCTURE = 0.03  # one above this, of all that was removed, is that of detail
MEDIAN_SIZE = 0.6744897501960817  # of a normal variable of variance 1, without its sign
LEVELS = 255.0  # the unit of sigma: white is 255

Window = tuple[int, int]  # its top and left


@dataclass(frozen=True)
class Correlation:
    """The autocorrelation of noise, -1 to 1; 0 for independent noise.

    Attributes:
        across, down, diagonal: of neighbours.
        lag_2, lag_8: of pixels two and eight apart, the larger of across and down; JPEG works on
            8 x 8 pixels.
        chance: what that of independent noise stays below, 3 / sqrt(pixels).
    """

    across: float
    down: float
    diagonal: float
    lag_2: float
    lag_8: float
    chance: float

    @property
    def lags(self) -> dict[str, float]:
        """The autocorrelation by the name of the lag."""
        return {name: value for name, value in asdict(self).items() if name != "chance"}

    def beyond(self, low: float, high: float) -> dict[str, float]:
        """Those of them that are neither in [-low, high] nor what chance explains, by name."""
        low, high = max(low, self.chance), max(high, self.chance)
        return {name: value for name, value in self.lags.items() if not -low <= value <= high}


@dataclass(frozen=True)
class Quality:
    """What was measured; None where nothing could be.

    Attributes:
        sigma_before, sigma_after: standard deviation of the noise, in grey levels of 255.
        noise: of the noise in the flattest parts of the picture before.
        removed: of the difference of the picture before and after.
        highest: the largest value that was seen, as a part of white.
    """

    sigma_before: float | None
    sigma_after: float | None
    noise: Correlation | None
    removed: Correlation | None
    highest: float

    @property
    def correlated(self) -> dict[str, float]:
        """Autocorrelations of the noise that independent noise has not, by the name of the lag."""
        return self.noise.beyond(CORRELATED, CORRELATED) if self.noise else {}

    @property
    def noise_is_correlated(self) -> bool:
        """Whether no model that was trained on independent noise can be expected to remove it."""
        return bool(self.correlated)

    @property
    def structure(self) -> dict[str, float]:
        """Autocorrelations of what was removed that noise has not, by the name of the lag.

        A little less than 0 is usual: the slowest part of the noise cannot be told from the picture
        and stays in it.
        """
        return self.removed.beyond(CORRELATED, STRUCTURE) if self.removed else {}

    @property
    def removed_is_noise(self) -> bool | None:
        """Whether what was removed is independent from pixel to pixel, as noise is."""
        return None if self.removed is None else not self.structure


@np.errstate(over="ignore", invalid="ignore")  # floats may be of any size
def measure(before: Array, after: Array, white: float) -> Quality:
    """Measure a plane, (H, W) or (H, W, C), before and after it was denoised.

    Args:
        before, after: of the same shape.
        white: the value of white in both.
    """
    windows = list(_windows(before.shape[:2]))
    return Quality(
        noise_level(before, white, windows),
        noise_level(after, white, windows),
        flat_correlation(before, white, windows),
        _removed(before, after, white, windows),
        max(float(_values(before, window, white).max()) for window in windows) / LEVELS,
    )


def mean_quality(qualities: Sequence[Quality]) -> Quality:
    """Of several planes of a stack: means of what could be measured."""
    return Quality(
        _mean([quality.sigma_before for quality in qualities]),
        _mean([quality.sigma_after for quality in qualities]),
        _mean_correlation([quality.noise for quality in qualities]),
        _mean_correlation([quality.removed for quality in qualities]),
        max(quality.highest for quality in qualities),
    )


def noise_level(image: Array, white: float, windows: Sequence[Window]) -> float | None:
    """The standard deviation of the noise in grey levels of 255.

    From the median of the finest diagonal wavelet coefficients (Donoho and Johnstone, 1994), of
    which a picture itself has few. Noise that is correlated has few of them as well, so for that
    the estimate is too low.
    """
    sigmas = []
    for window in windows:
        pixels = _values(image, window, white)
        if min(pixels.shape[:2]) >= PATCH and np.ptp(pixels) > 0:
            diagonal = pywt.dwt2(pixels, "db2", axes=(0, 1))[1][2]
            sizes = np.abs(diagonal[diagonal != 0])  # clipped and painted areas have none
            sigmas.append(np.median(sizes) / MEDIAN_SIZE if sizes.size else 0.0)
    return None if not sigmas else float(np.median(sigmas))


def flat_correlation(image: Array, white: float, windows: Sequence[Window]) -> Correlation | None:
    """The autocorrelation of the noise where the picture is flattest.

    That is in the patches of 16 x 16 pixels that differ least from a plane; as many as 1 % of the
    picture holds. Left out are those with clipped values, whose noise is cut off, and those without
    noise: it would have to be seen above the rounding to the picture's own levels.

    Returns:
        None where too few patches are left, or most have no noise.
    """
    stride = PATCH // 2 if len(windows) <= DENSE_WINDOWS else PATCH
    rounding = LEVELS / white / 2 if image.dtype.kind == "u" else 0.0
    flatness, noiseless = [], 0
    for window in windows:
        residuals, clipped = _residuals(_values(image, window, white), stride)
        variances = residuals.var(1)
        variances[clipped] = np.inf
        without = variances <= rounding**2
        variances[without] = np.inf
        noiseless += int(np.count_nonzero(without))
        flatness.append(variances)
    every = np.concatenate(flatness)
    noisy = np.sort(every[np.isfinite(every)])
    if len(noisy) < max(FEWEST_PATCHES, noiseless):
        return None
    side_by_side = len(every) * (stride / PATCH) ** 2
    limit = noisy[: max(FEWEST_PATCHES, round(FLATTEST * side_by_side))][-1]
    patches = [
        _residuals(_values(image, window, white), stride)[0][variances <= limit]
        for window, variances in zip(windows, flatness, strict=True)
        if (variances <= limit).any()
    ]
    return correlation_within([these.reshape(-1, PATCH, PATCH) for these in patches])


def _windows(size: tuple[int, ...]) -> Iterator[Window]:
    """Up to 64 windows spread evenly over a picture (H, W), the same ones each time."""
    height, width = size
    tops, lefts = range(0, height, WINDOW), range(0, width, WINDOW)
    every = [(top, left) for top in tops for left in lefts]
    count = min(MOST_WINDOWS, len(every))
    for index in np.linspace(0, len(every) - 1, count).astype(int):
        yield every[index]


def _values(image: Array, window: Window, white: float) -> Floats:
    """The window as (h, w, C) in grey levels of 255."""
    top, left = window
    region = image[top : top + WINDOW, left : left + WINDOW]
    values = np.atleast_3d(region).astype(np.float32)
    return values * np.float32(LEVELS / white)


def _residuals(pixels: Floats, stride: int) -> tuple[Floats, NDArray[np.bool_]]:
    """What is left of patches of each channel without a plane fitted to them, (n, 256).

    And whether the patch has clipped values.
    """
    flat = patches_of(pixels, stride)
    clipped = (flat.min(1) <= 0) | (flat.max(1) >= LEVELS)
    return without_plane(flat), clipped


def patches_of(pixels: Floats, stride: int) -> Floats:
    """(h, w, C) -> (n, 256), the patches of 16 x 16 pixels of each channel, every ``stride``."""
    if min(pixels.shape[:2]) < PATCH:
        return np.empty((0, PATCH**2), np.float32)
    patches = sliding_window_view(pixels, (PATCH, PATCH), (0, 1))[::stride, ::stride]
    return patches.reshape(-1, PATCH**2)


def without_plane(patches: Floats) -> Floats:
    """What is left of patches (n, 256) without a plane fitted to each."""
    y, x = np.mgrid[:PATCH, :PATCH].reshape(2, -1) - (PATCH - 1) / 2
    plane = np.stack([np.full(PATCH**2, 1 / PATCH), *(a / np.linalg.norm(a) for a in (y, x))])
    plane = plane.astype(np.float32)  # three orthonormal rows
    left: Floats = patches - (patches @ plane.T) @ plane
    return left


def _removed(
    before: Array, after: Array, white: float, windows: Sequence[Window]
) -> Correlation | None:
    """The autocorrelation of the difference; None where there is none."""
    differences = []
    for window in windows:
        difference = _values(before, window, white) - _values(after, window, white)
        differences.append(np.moveaxis(difference, -1, 0))
    return correlation_within(differences)


def correlation_within(images: Sequence[Floats]) -> Correlation | None:
    """The autocorrelation within images (n, h, w); None if they do not vary."""
    count = sum(image.size for image in images)
    mean = sum(float(image.sum(dtype=np.float64)) for image in images) / max(count, 1)
    centred = [image - np.float32(mean) for image in images]
    across, down, diagonal = (_lag(centred, *lag) for lag in ((0, 1), (1, 0), (1, 1)))
    if across is None or down is None or diagonal is None:
        return None
    both = [(_lag(centred, 0, lag), _lag(centred, lag, 0)) for lag in (2, 8)]
    lag_2, lag_8 = (max((a or 0.0, b or 0.0), key=abs) for a, b in both)
    return Correlation(across, down, diagonal, lag_2, lag_8, 3 / count**0.5)


def _lag(images: Sequence[Floats], down: int, across: int) -> float | None:
    """The correlation of pixels that are so far apart, in all images together."""
    product = energy = 0.0
    for image in images:
        if image.shape[1] <= down or image.shape[2] <= across:
            continue  # no pixels are so far apart
        first = image[:, : image.shape[1] - down, : image.shape[2] - across]
        second = image[:, down:, across:]
        product += float(np.vdot(first, second))
        energy += (float(np.vdot(first, first)) + float(np.vdot(second, second))) / 2
    return product / energy if energy > 0 else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _mean_correlation(values: Sequence[Correlation | None]) -> Correlation | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    names = [field.name for field in fields(Correlation)]
    return Correlation(*(sum(getattr(it, name) for it in known) / len(known) for name in names))
