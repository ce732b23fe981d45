from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from zoo.train.metrics import mean_psnr, psnr, psnr_of_mean_mse, squared_error, ssim


def test_hand_computed_values() -> None:
    black, grey = torch.zeros(3, 2, 2), torch.full((3, 2, 2), 0.1)
    assert squared_error(grey, black) == pytest.approx(0.01)
    assert psnr(0.01) == pytest.approx(20)
    assert psnr(0) == math.inf
    # 20 dB and 40 dB: the mean of both, and -10 log10 of (0.01 + 0.0001) / 2
    assert mean_psnr([0.01, 0.0001]) == pytest.approx(30)
    assert psnr_of_mean_mse([0.01, 0.0001], [1, 1]) == pytest.approx(22.967, abs=1e-3)
    # three times as many pixels in the second: (0.01 + 3 * 0.0001) / 4
    assert psnr_of_mean_mse([0.01, 0.0001], [10, 30]) == pytest.approx(25.892, abs=1e-3)
    assert psnr_of_mean_mse([0.0], [1]) == pytest.approx(80)  # the description's 1e-8


def test_nan_stays_nan() -> None:
    error = squared_error(torch.full((1, 1, 1), math.nan), torch.zeros(1, 1, 1))
    assert math.isnan(psnr(error))
    assert math.isnan(mean_psnr([error, 0.1]))


def test_psnr_is_that_of_scikit_image() -> None:
    image, reference = torch.rand(3, 20, 30), torch.rand(3, 20, 30)
    expected = peak_signal_noise_ratio(
        reference.double().numpy(), image.double().numpy(), data_range=1
    )
    assert psnr(squared_error(image, reference)) == pytest.approx(expected, rel=1e-12)


def test_the_psnr_of_the_mean_is_never_above_the_mean_psnr() -> None:
    # -log is convex (Jensen); equal for equal errors, but for the description's 1e-8
    errors = torch.rand(50, dtype=torch.float64).tolist()
    assert mean_psnr(errors) - psnr_of_mean_mse(errors, [1] * 50) > 0.5
    assert psnr_of_mean_mse([0.01] * 3, [1, 2, 3]) == pytest.approx(mean_psnr([0.01] * 3), abs=1e-5)


def test_both_psnrs_by_their_definitions() -> None:
    images, references = torch.rand(6, 3, 8, 8), torch.rand(6, 3, 8, 8)
    references *= torch.linspace(0.2, 1, 6).view(6, 1, 1, 1)
    errors = [squared_error(*pair) for pair in zip(images, references, strict=True)]
    difference = images.double() - references.double()
    per_image = -10 * difference.square().mean((1, 2, 3)).log10()
    assert mean_psnr(errors) == pytest.approx(float(per_image.mean()))
    overall = -10 * (difference.square().mean() + 1e-8).log10()
    assert psnr_of_mean_mse(errors, [3 * 8 * 8] * 6) == pytest.approx(float(overall))


def test_ssim_is_that_of_scikit_image_with_the_settings_of_wang() -> None:
    reference = torch.rand(3, 20, 30)
    image = (reference + 0.1 * torch.randn(3, 20, 30)).clamp(0, 1)
    each = [
        structural_similarity(
            reference[channel].double().numpy(),
            image[channel].double().numpy(),
            data_range=1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
        for channel in range(3)
    ]
    assert ssim(image, reference) == pytest.approx(float(np.mean(each)))
    assert ssim(reference, reference) == pytest.approx(1)


@pytest.mark.parametrize("size", [(10, 30), (30, 10), (1, 1)])
def test_no_ssim_below_11_pixels(size: tuple[int, int]) -> None:
    image = torch.rand(3, *size)
    assert ssim(image, image) is None
    assert ssim(torch.ones(1, 11, 11), torch.ones(1, 11, 11)) == pytest.approx(1)
