"""What a user would compare a denoiser with: two classical methods from scikit-image."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.filters import gaussian
from skimage.restoration import denoise_nl_means, estimate_sigma
from torch import Tensor

Image = NDArray[np.float32]


def gaussian_blur(image: Image) -> Image:
    """A gaussian filter of 0.9 pixels; (C, H, W) -> (C, H, W)."""
    blurred: Image = gaussian(image, sigma=0.9, channel_axis=0)
    return blurred


def non_local_means(image: Image) -> Image:
    """Non-local means (Buades, Coll, Morel 2005), its strength from the estimated noise level.

    With the settings of scikit-image's documentation: patches of 5 pixels, a search of 6 pixels
    around, h = 0.8 sigma; (C, H, W) -> (C, H, W).
    """
    with warnings.catch_warnings():  # of a flat channel's noise, of a width taken for channels
        warnings.simplefilter("ignore")
        sigma = float(np.nan_to_num(estimate_sigma(image, channel_axis=0, average_sigmas=True)))
    if sigma == 0:
        return image
    pixels = np.moveaxis(image, 0, -1)  # H, W, C
    denoised: Image = denoise_nl_means(
        pixels,
        patch_size=5,
        patch_distance=6,
        h=0.8 * sigma,
        sigma=sigma,
        fast_mode=True,
        channel_axis=-1,
    )
    # scikit-image drops axes of length 1, such as the channel of a grey image
    return np.moveaxis(denoised.reshape(pixels.shape), -1, 0)


BASELINES: Mapping[str, Callable[[Image], Image]] = MappingProxyType(
    {"gaussian_blur": gaussian_blur, "non_local_means": non_local_means}
)


def apply_baseline(name: str, image: Tensor) -> Tensor:
    """The output of a classical method, before clipping; (C, H, W) -> (C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(BASELINES[name](image.cpu().numpy())))
