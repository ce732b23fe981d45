"""What is measured of pictures whose noise is known because it is simulated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from zoo.inference.quality import Quality, mean_quality, measure

Array = np.ndarray[Any, np.dtype[Any]]


def scene(height: int = 384, width: int = 512) -> Array:
    """Smooth shades and hard edges, (H, W), grey levels between 50 and 205."""
    y, x = np.mgrid[:height, :width]
    shade = 110 + 40 * np.sin(x / 90) * np.cos(y / 70)
    return shade + np.where((x // 160 + y // 130) % 2 == 1, 55.0, 0.0)


def noisy(sigma: float, smoothing: float = 0.0, **size: int) -> tuple[Array, Array]:
    """A scene of 8 bits with noise of that strength, and without."""
    clean = scene(**size)
    noise = np.random.default_rng(0).normal(0, 1, clean.shape)
    if smoothing:
        noise = gaussian_filter(noise, smoothing)
    noise *= sigma / noise.std()
    return tuple(np.rint(np.clip(a, 0, 255)).astype(np.uint8) for a in (clean + noise, clean))


@pytest.mark.parametrize("sigma", [3, 10, 25])
def test_white_noise(sigma: int) -> None:
    before, after = noisy(sigma)
    quality = measure(before, after, 255)
    assert quality.sigma_before == pytest.approx(sigma, rel=0.08)
    assert quality.sigma_after is not None
    assert quality.sigma_after < 0.5
    assert quality.noise is not None
    assert not quality.noise_is_correlated
    assert quality.removed is not None
    assert max(map(abs, quality.removed.lags.values())) < 0.01
    assert (quality.noise_is_correlated, quality.removed_is_noise) == (False, True)


@pytest.mark.parametrize("side", [2, 5, 8, 9])
def test_pictures_smaller_than_the_distances(side: int) -> None:
    before = np.random.default_rng(0).random((side, side), np.float32)
    quality = measure(before, np.zeros_like(before), 1)
    assert quality.sigma_before is None
    assert quality.removed is not None
    assert (quality.removed.lag_8 == 0.0) == (side <= 8)


def test_floats_of_any_size_are_no_warning() -> None:
    before = np.random.default_rng(0).random((64, 64))
    for size, white in ((1e30, 1.0), (1.0, 1e300), (1.0, 1e-300)):
        measure(before * size, before * size / 2, white)


def test_sixteen_bits_floats_and_colours_are_measured_alike() -> None:
    before, after = noisy(20)
    expected = measure(before, after, 255)
    for scale, dtype, white in ((257, np.uint16, 65535), (1 / 255, np.float64, 1.0)):
        scaled = [(image.astype(np.float64) * scale).astype(dtype) for image in (before, after)]
        quality = measure(scaled[0], scaled[1], white)
        assert quality.sigma_before == pytest.approx(expected.sigma_before, rel=1e-3)
        assert quality.removed is not None
        assert expected.removed is not None
        assert quality.removed.across == pytest.approx(expected.removed.across, abs=1e-3)
    colour = measure(np.stack(3 * [before], 2), np.stack(3 * [after], 2), 255)
    assert colour.sigma_before == pytest.approx(expected.sigma_before, rel=1e-3)


@pytest.mark.parametrize("smoothing", [0.6, 1.0])
def test_correlated_noise_is_found(smoothing: float) -> None:
    before, after = noisy(12, smoothing)
    quality = measure(before, after, 255)
    assert quality.noise is not None
    assert quality.removed is not None
    expected = np.exp(-1 / (4 * smoothing**2))  # of a gaussian filter, one pixel apart
    assert quality.removed.across == pytest.approx(expected, abs=0.1)
    assert quality.noise.across > 0.2
    assert (quality.noise_is_correlated, quality.removed_is_noise) == (True, False)


def test_noise_along_rows_is_told_from_noise_along_columns() -> None:
    noise = np.random.default_rng(0).normal(0, 10, (256, 256))
    rows = np.rint(128 + (noise + np.roll(noise, 1, 1)) / 2**0.5).astype(np.uint8)
    noise_found = measure(rows, np.full_like(rows, 128), 255).noise
    assert noise_found is not None
    assert noise_found.across == pytest.approx(0.5, abs=0.08)
    assert abs(noise_found.down) < 0.08


def test_without_noise_nothing_is_claimed() -> None:
    _, clean = noisy(0)
    quality = measure(clean, clean, 255)
    assert quality.sigma_before is not None
    assert quality.sigma_before < 0.5
    assert (quality.noise, quality.removed, quality.removed_is_noise) == (None, None, None)
    assert not quality.noise_is_correlated
    flat = np.full((100, 100), 77, np.uint8)
    assert measure(flat, flat, 255) == Quality(None, None, None, None, 77 / 255)


def test_clipped_parts_are_no_flat_parts() -> None:
    """A blown-out sky has less noise than any other part, and what is left of it is no measure."""
    before, after = noisy(15)
    over = np.random.default_rng(1).normal(262, 4, (384, 200))
    before[:, :200] = np.rint(np.clip(gaussian_filter(over, 1), 0, 255))
    after[:, :200] = 255
    quality = measure(before, after, 255)
    assert quality.noise is not None
    assert not quality.noise_is_correlated
    white = np.full((200, 200, 3), 255, np.uint8)
    assert measure(white, white, 255).noise is None


@pytest.mark.parametrize(
    ("kept", "is_noise"),
    [
        (lambda noise: gaussian_filter(noise, 3), True),  # the slow part stays in the picture
        (lambda noise: -gaussian_filter(noise, 3), False),  # more was removed than noise
        (lambda noise: np.roll(noise, 1, axis=1) / 2, False),
    ],
)
def test_noise_whose_slow_part_stays_is_noise(
    kept: Callable[[NDArray[np.float64]], NDArray[np.float64]], is_noise: bool
) -> None:
    before, clean = noisy(20)
    noise = before.astype(float) - clean
    quality = measure(before.astype(float), clean + kept(noise), 255.0)
    assert quality.removed is not None
    assert abs(quality.removed.across) > 0.02
    assert quality.removed_is_noise is is_noise


def test_detail_that_was_removed_is_no_noise() -> None:
    before, _ = noisy(2)
    after = np.rint(gaussian_filter(before.astype(float), 4)).astype(np.uint8)
    assert measure(before, after, 255).removed_is_noise is False


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (15, 15), (16, 17), (257, 20)])
def test_small_pictures(size: tuple[int, int]) -> None:
    before = np.random.default_rng(0).integers(60, 190, size, np.uint8)
    quality = measure(before, before, 255)
    assert quality.removed is None
    assert quality.highest == before.max() / 255


def test_a_large_picture_is_measured_in_part_and_alike() -> None:
    before, after = noisy(10, height=2600, width=3000)
    quality = measure(before, after, 255)
    assert quality.sigma_before == pytest.approx(10, rel=0.08)
    assert quality == measure(before, after, 255)


def test_the_mean_of_a_stack() -> None:
    parts = [measure(*noisy(sigma), 255) for sigma in (10, 20)]
    mean = mean_quality([*parts, Quality(None, None, None, None, 0.0)])
    assert mean.sigma_before == pytest.approx(15, rel=0.08)
    assert mean.removed is not None
    assert parts[0].removed is not None
    assert parts[1].removed
    expected = (parts[0].removed.across + parts[1].removed.across) / 2
    assert mean.removed.across == pytest.approx(expected)
    assert mean.highest == max(part.highest for part in parts)
    assert mean_quality([Quality(None, None, None, None, 0.0)]).noise is None
