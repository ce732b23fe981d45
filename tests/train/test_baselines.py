from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter  # type: ignore[import-untyped]  # it has no types

from zoo.train.baselines import BASELINES, apply_baseline
from zoo.train.metrics import squared_error


@pytest.fixture
def clean() -> torch.Tensor:
    x = torch.linspace(0, 6, 40)
    return (torch.sin(x)[None, :, None] * torch.cos(x)[None, None, :]).repeat(3, 1, 1) / 2 + 0.5


def test_the_blur_is_a_gaussian_filter_of_each_channel() -> None:
    image = torch.rand(3, 20, 24)
    expected = np.stack(
        [gaussian_filter(channel, 0.9, mode="nearest") for channel in image.numpy()]
    )
    np.testing.assert_allclose(apply_baseline("gaussian_blur", image).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("channels", [1, 3])
def test_denoises_and_keeps_shape_and_type(name: str, channels: int, clean: torch.Tensor) -> None:
    clean = clean[:channels]
    noisy = clean + 0.1 * torch.randn(clean.shape)
    before = noisy.clone()
    output = apply_baseline(name, noisy)
    assert output.shape == clean.shape
    assert output.dtype == torch.float32
    assert squared_error(output, clean) < squared_error(noisy, clean) / 2
    assert torch.equal(noisy, before)


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("size", [(1, 1), (2, 9), (7, 7)])
def test_tiny_and_flat_images(name: str, size: tuple[int, int]) -> None:
    flat = torch.full((3, *size), 0.5)
    torch.testing.assert_close(apply_baseline(name, flat), flat)
    assert bool(apply_baseline(name, torch.rand(3, *size)).isfinite().all())
