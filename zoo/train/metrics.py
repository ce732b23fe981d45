"""How close a denoised image is to its reference. Images are (C, H, W) in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from skimage.metrics import structural_similarity
from torch import Tensor

# An 11-pixel gaussian window: what Wang et al. use, and the smallest image it can be computed on.
SSIM_WINDOW = 11
AT_ONCE = 2**20  # values that are compared at a time; large images take no more memory


def squared_error(image: Tensor, reference: Tensor) -> float:
    """The mean of the squared differences, computed in float64."""
    rows = max(1, AT_ONCE // max(1, image.shape[0] * image.shape[2]))
    total = 0.0
    for top in range(0, image.shape[1], rows):
        strip = slice(top, top + rows)
        difference = image[:, strip].double() - reference[:, strip].double()
        total += float(difference.square().sum())
    return total / image.numel()


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of images in [0, 1]: -10 log10(MSE); inf for MSE 0."""
    return math.inf if mse == 0 else -10 * math.log10(mse)


def mean_psnr(errors: Iterable[float]) -> float:
    """``psnr``: the mean over images of each image's PSNR, from the images' MSEs.

    It is what EE-559's test script and most papers report.
    """
    return float(np.mean([psnr(mse) for mse in errors]))


def psnr_of_mean_mse(errors: Iterable[float], pixels: Iterable[int]) -> float:
    """``psnr_of_mean_mse``: -10 log10(mean over everything of the squared difference + 1e-8).

    It is what EE-559's description defines; 0.55 to 0.9 dB below ``psnr`` on its data.

    Args:
        errors: each image's MSE.
        pixels: each image's number of pixels.
    """
    return psnr(float(np.average(list(errors), weights=list(pixels))) + 1e-8)


def ssim(image: Tensor, reference: Tensor) -> float | None:
    """Structural similarity, from -1 to 1; None for images below 11 pixels on a side.

    With the settings of Wang, Bovik, Sheikh, Simoncelli: "Image Quality Assessment: From Error
    Visibility to Structural Similarity", 2004; the mean over channels.
    """
    if min(image.shape[1:]) < SSIM_WINDOW:
        return None
    (channels, height, width), edge = image.shape, SSIM_WINDOW // 2
    rows = max(1, AT_ONCE // (channels * width))
    total = sum(
        _similarity(
            image[:, top : top + rows + 2 * edge], reference[:, top : top + rows + 2 * edge]
        )
        for top in range(0, height - 2 * edge, rows)
    )
    return total / (channels * (height - 2 * edge) * (width - 2 * edge))


def _similarity(image: Tensor, reference: Tensor) -> float:
    """The sum of the similarities around all pixels whose window lies within some rows."""
    edge = SSIM_WINDOW // 2
    _, similarity = structural_similarity(
        image.double().cpu().numpy(),
        reference.double().cpu().numpy(),
        channel_axis=0,
        data_range=1.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return float(similarity[:, edge:-edge, edge:-edge].sum(dtype=np.float64))
