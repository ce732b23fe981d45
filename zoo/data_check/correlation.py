"""Whether the noise of a pixel tells of that of others: its neighbours, and other channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.data_check.scenes import Floats, Window
from zoo.inference.quality import (
    CORRELATED,
    PATCH,
    Correlation,
    correlation_within,
    patches_of,
    without_plane,
)

BLOCK = 8  # pixels on a side of JPEG's
FLATTEST = 0.005  # of the patches of single pictures
CLIPPED = 0.01  # of a patch's values
FEWEST_PATCHES = 16
SURFACE = 0.8  # correlation two pixels apart: of noise blurred by 2 pixels 0.7, after JPEG 0.4
SURE = 5.0  # standard errors
VISIBLE = 0.5  # grey levels: less is rounded away in a picture of 8 bits


@dataclass(frozen=True)
class NoiseCorrelation:
    """How alike the noise is at different pixels.

    Attributes:
        lags: at neighbours and further pixels, of the channels as they are.
        colour: the same of the differences between channels, which JPEG makes coarser; None of one
            channel, and where they hardly differ.
        channels: of the two channels that are most alike, at the same pixel; None of one channel.
        sigma: of the noise that this was seen in, in grey levels of 255.
        block: by how much the likeness of neighbours differs on the borders of blocks of 8 x 8
            pixels; 0 where no more than by chance, or where single pictures do not tell.
    """

    lags: Correlation
    colour: Correlation | None
    channels: float | None
    sigma: float
    block: float

    @property
    def correlated(self) -> dict[str, float]:
        """The lags at which the noise is not independent, by name; the stronger of both."""
        found = self.lags.beyond(CORRELATED, CORRELATED)
        of_colour = self.colour.beyond(CORRELATED, CORRELATED) if self.colour else {}
        names = [*found, *(name for name in of_colour if name not in found)]
        return {name: max(found.get(name, 0), of_colour.get(name, 0), key=abs) for name in names}

    @property
    def strongest(self) -> float:
        """The largest autocorrelation of the channels as they are."""
        return max(self.lags.lags.values(), key=abs)

    @property
    def in_colour_only(self) -> bool:
        """Whether only the differences between channels are correlated."""
        return bool(self.correlated) and not self.lags.beyond(CORRELATED, CORRELATED)

    @property
    def independent_at_stride_2(self) -> bool:
        """Whether pixels two apart have independent noise."""
        return not {"lag_2", "lag_8"} & set(self.correlated)


def pair_correlation(windows: Sequence[Window]) -> NoiseCorrelation | None:
    """That of the difference of pairs; None where there is none."""
    noises = [_centred(window.difference) for window in windows]
    return _correlation(noises, _of_blocks(noises))


def single_correlation(
    windows: Sequence[Window], ends: tuple[float, float]
) -> NoiseCorrelation | None:
    """That of single pictures, where they are flattest; None where too little is seen.

    Flattest in all channels together: a plane fitted to patches of 16 x 16 pixels leaves least.
    What no flat place is without, such as sand, cannot be told from noise; what is as smooth as a
    curved surface, which small pictures may be everywhere, is none.

    Args:
        windows: of any pictures; of pairs the first views are taken.
        ends: values of black and white: patches with more than 1 % of them are left out.
    """
    found, variances = [], []
    for window in windows:
        pixels = window.views[0].transpose(1, 2, 0)
        at_ends = ((pixels <= ends[0]) | (pixels >= ends[1])).astype(np.float32)
        patches = patches_of(pixels, PATCH // 2)
        residuals = without_plane(patches)
        variance = residuals.var(1)
        variance[patches_of(at_ends, PATCH // 2).mean(1) > CLIPPED] = np.inf
        variance[variance == 0] = np.inf
        variances.append(variance.reshape(-1, pixels.shape[2]).mean(1))
        found.append(residuals.reshape(-1, pixels.shape[2], PATCH, PATCH))
    every = np.concatenate(variances)
    noisy = np.sort(every[np.isfinite(every)])
    if len(noisy) < FEWEST_PATCHES:
        return None
    limit = noisy[min(max(FEWEST_PATCHES, round(FLATTEST * len(noisy))), len(noisy)) - 1]
    flat = np.concatenate([p[v <= limit] for p, v in zip(found, variances, strict=True)])
    found_there = _correlation(list(flat), 0.0)
    if found_there is None or found_there.lags.lag_2 > SURFACE:
        return None
    return found_there


def _correlation(noises: Sequence[Floats], block: float) -> NoiseCorrelation | None:
    """Of noises (C, h, w)."""
    lags = correlation_within(noises)
    if lags is None:
        return None
    colours = [noise[1:] - noise[:-1] for noise in noises] if noises[0].shape[0] > 1 else []
    seen = bool(colours) and _deviation(colours) >= VISIBLE * 2**0.5
    colour = correlation_within(colours) if seen else None
    return NoiseCorrelation(lags, colour, _between_channels(noises), _deviation(noises), block)


def _deviation(noises: Sequence[Floats]) -> float:
    energy = sum(float(np.vdot(noise, noise)) for noise in noises)
    return float(np.sqrt(energy / max(sum(noise.size for noise in noises), 1)))


def _centred(image: Floats) -> Floats:
    centred: Floats = image - image.mean((1, 2), keepdims=True, dtype=np.float64).astype(np.float32)
    return centred


def _between_channels(noises: Sequence[Floats]) -> float | None:
    """The correlation of the two channels that are most alike, of (C, h, w) each."""
    channels = noises[0].shape[0]
    if channels < 2:
        return None
    products = sum(np.einsum("ihw,jhw->ij", noise, noise, dtype=np.float64) for noise in noises)
    size = np.sqrt(np.diag(products))
    if not size.all():
        return None
    matrix = products / size / size[:, None]
    others = matrix[~np.eye(channels, dtype=bool)]
    return float(max(others, key=abs))


def _of_blocks(noises: Sequence[Floats]) -> float:
    """How much the correlation of neighbours differs at one place in eight, the larger axis'.

    It is compared with every other place only: a sensor's colours repeat every two pixels. 0 where
    it is no more than chance, 5 standard errors.
    """
    return max((_of_columns(n) for n in (noises, [it.swapaxes(1, 2) for it in noises])), key=abs)


def _of_columns(noises: Sequence[Floats]) -> float:
    products, squares, counts = np.zeros((3, BLOCK))
    energy, size = 0.0, 0
    for noise in noises:
        product = (noise[:, :, :-1] * noise[:, :, 1:]).astype(np.float64)
        place = np.arange(product.shape[2]) % BLOCK
        products += np.bincount(place, product.sum((0, 1)), BLOCK)
        squares += np.bincount(place, (product**2).sum((0, 1)), BLOCK)
        counts += np.bincount(place, minlength=BLOCK) * (noise.shape[0] * noise.shape[1])
        energy += float(np.vdot(noise, noise))
        size += noise.size
    if not energy or not counts.all():
        return 0.0
    values = products / counts * size / energy
    errors = np.sqrt(squares) / counts * size / energy
    like = [[(here + step) % BLOCK for step in (2, 4, 6)] for here in range(BLOCK)]
    differences = values - np.array([values[places].mean() for places in like])
    chances = np.sqrt(errors**2 + [(errors[places] ** 2).sum() / 9 for places in like])
    sure = np.where(np.abs(differences) > SURE * chances, differences, 0.0)
    return float(max(sure, key=abs))
