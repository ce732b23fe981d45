"""What a user would compare a denoiser with: classical methods, from kept libraries."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.filters import gaussian
from skimage.restoration import denoise_nl_means, estimate_sigma
from torch import Tensor

from zoo.errors import UsageError

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Baseline:
    """A classical method.

    Attributes:
        name: in ``evaluation.json``.
        short: as a user chooses it.
        title: in tables.
        apply: (C, H, W) -> (C, H, W), before clipping.
    """

    name: str
    short: str
    title: str
    apply: Callable[[Image], Image]


def gaussian_blur(image: Image) -> Image:
    """A gaussian filter of 0.9 pixels; (C, H, W) -> (C, H, W)."""
    blurred: Image = gaussian(image, sigma=0.9, channel_axis=0)
    return blurred


def non_local_means(image: Image, h: float | None = None, sigma: float | None = None) -> Image:
    """Non-local means (Buades, Coll, Morel 2005), its strength from the estimated noise level.

    With the settings of scikit-image's documentation: patches of 5 pixels, a search of 6 pixels
    around, h = 0.8 sigma; (C, H, W) -> (C, H, W).

    Args:
        image: the noisy one.
        h: how unlike patches may be, in the image's values; None for 0.8 sigma.
        sigma: standard deviation of the noise; None to estimate it.
    """
    sigma = estimated_sigma(image) if sigma is None else sigma
    if sigma == 0:
        return image
    pixels = np.moveaxis(image, 0, -1)  # H, W, C
    denoised: Image = denoise_nl_means(
        pixels,
        patch_size=5,
        patch_distance=6,
        h=0.8 * sigma if h is None else h,
        sigma=sigma,
        fast_mode=True,
        channel_axis=-1,
    )
    # scikit-image drops axes of length 1, such as the channel of a grey image
    return np.moveaxis(denoised.reshape(pixels.shape), -1, 0)


def estimated_sigma(image: Image) -> float:
    """The standard deviation of the noise, from the finest wavelets; 0 where it cannot be told."""
    with warnings.catch_warnings():  # of a flat channel's noise, of a width taken for channels
        warnings.simplefilter("ignore")
        return float(np.nan_to_num(estimate_sigma(image, channel_axis=0, average_sigmas=True)))


BASELINES: Mapping[str, Baseline] = MappingProxyType(
    {
        baseline.name: baseline
        for baseline in (
            Baseline("gaussian_blur", "blur", "gaussian blur, 0.9 px", gaussian_blur),
            Baseline("non_local_means", "nlm", "non-local means", non_local_means),
        )
    }
)


def choose_baselines(text: str) -> tuple[str, ...]:
    """The names of the baselines that ``--methods`` names, in the order of the table.

    Args:
        text: short names with commas between them, or ``none``; ``noisy`` and ``model``, which are
            always there, may be among them.

    Raises:
        UsageError: a name that is none of them.
    """
    short = {baseline.short: name for name, baseline in BASELINES.items()}
    chosen = {name.strip() for name in text.split(",")}
    if unknown := sorted(chosen - {"noisy", "model", "none", *short}):
        raise UsageError(
            f"--methods {text}: there is no {unknown[0]!r}. "
            f"Use {', '.join(short)} with commas between them, or none."
        )
    return tuple(name for key, name in short.items() if key in chosen)


def apply_baseline(name: str, image: Tensor) -> Tensor:
    """The output of a classical method, before clipping; (C, H, W) -> (C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(BASELINES[name].apply(image.cpu().numpy())))
