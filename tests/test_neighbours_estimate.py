"""Which denoiser is better for a noisy picture, told by pixels that were replaced."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.single.neighbours import NeighboursEstimate, neighbours_estimate


def pictures(sigma: float, channels: int = 1) -> tuple[Tensor, Tensor]:
    """A smooth clean picture, and the same with noise; (C, 90, 120)."""
    draws = torch.Generator().manual_seed(0)
    y, x = torch.meshgrid(torch.arange(90.0), torch.arange(120.0), indexing="ij")
    clean = (0.5 + 0.3 * torch.sin(x / 9) * torch.cos(y / 13)).expand(channels, -1, -1)
    return clean, clean + sigma * torch.randn(clean.shape, generator=draws)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_its_errors_are_the_true_ones_plus_the_noise(channels: int) -> None:
    """Of a network that gives the clean picture, and of one that is wrong by a constant."""
    sigma = 0.1
    clean, noisy = pictures(sigma, channels)
    perfect = neighbours_estimate(lambda _: clean, noisy)
    assert perfect is not None
    assert perfect.network == pytest.approx(sigma**2, rel=0.05)
    assert perfect.sigma == pytest.approx(sigma, rel=0.1)
    assert 0.2 * perfect.sigma <= perfect.h <= perfect.sigma
    assert perfect.likely_better == "network"
    wrong = neighbours_estimate(lambda _: clean + 0.2, noisy)
    assert wrong is not None
    assert wrong.network == pytest.approx(sigma**2 + 0.2**2, rel=0.05)
    assert wrong.non_local_means == perfect.non_local_means
    assert wrong.likely_better == "non_local_means"


def test_the_pixels_that_count_are_not_seen() -> None:
    """A network that gives back its input is no better than the mean of the neighbours."""
    _, noisy = pictures(0.1)
    found = neighbours_estimate(lambda seen: seen, noisy)
    assert found is not None
    assert found.network == pytest.approx(0.1**2 * (1 + 1 / 4), rel=0.1)
    assert found.likely_better == "non_local_means"


def test_about_as_good() -> None:
    assert NeighboursEstimate(1.0, 1.01, 0.02, 0.1, 0.1).likely_better == ""
    assert NeighboursEstimate(1.0, 1.03, 0.02, 0.1, 0.1).likely_better == "network"
    assert NeighboursEstimate(1.03, 1.0, 0.02, 0.1, 0.1).likely_better == "non_local_means"


def test_nothing_to_tell() -> None:
    _, noisy = pictures(0.1)
    assert neighbours_estimate(lambda seen: seen, torch.full((3, 40, 40), 0.5)) is None
    assert neighbours_estimate(lambda seen: seen, noisy[:, :9, :50]) is None
    assert neighbours_estimate(lambda seen: seen * float("nan"), noisy) is None
