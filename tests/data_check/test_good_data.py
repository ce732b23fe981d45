"""Good data: nothing is named falsely, and what is measured is right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data_check.making import (
    checked,
    gaussian,
    harmful,
    pairs,
    poisson,
    poisson_gaussian,
    scenes,
    singles,
    tensor,
)
from zoo.data.sets import Bursts, SingleImages
from zoo.data.sources.pickle_pairs import PicklePairs

NOISES = {
    "gaussian 10": (gaussian(10), 0, 10),
    "gaussian 50": (gaussian(50), 0, 50),
    "poisson 30": (poisson(30), 1 / 30, 0),
    "poisson_gaussian": (poisson_gaussian(0.01, 10), 0.01, 10),
}


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("seed", range(10))
def test_pairs(seed: int, name: str) -> None:
    noise, gain, sigma = NOISES[name]
    report = checked(pairs(noise, seed))
    assert harmful(report) == []
    answers = {pairing.name: pairing.answer for pairing in report.pairings}
    assert answers == {"noisy": "yes", "clean": "no", "neighbors": "yes", "blind_spot": "yes"}
    found = report.measured.noise
    assert found is not None
    assert found.is_a_line
    assert found.gain == pytest.approx(gain, rel=0.08)
    assert found.read == pytest.approx(sigma, rel=0.08, abs=5)


@pytest.mark.parametrize("name", NOISES)
@pytest.mark.parametrize("seed", range(10))
def test_single_pictures(seed: int, name: str) -> None:
    noise, gain, sigma = NOISES[name]
    report = checked(singles(noise, seed))
    assert harmful(report) == []
    answers = {pairing.name: pairing.answer for pairing in report.pairings}
    assert answers == {"noisy": "no", "clean": "no", "neighbors": "yes", "blind_spot": "yes"}
    assert report.measured.sigma == pytest.approx((gain * 255 * 115 + sigma**2) ** 0.5, rel=0.15)


@pytest.mark.parametrize("seed", range(10))
def test_small_steep_pictures_are_not_noisy(seed: int) -> None:
    """They have no flat place; what is left of a curved surface is no noise."""
    draws = np.random.default_rng(seed)
    images = []
    for _ in range(3):
        corners = Image.fromarray(draws.integers(256, size=(3, 4, 3), dtype=np.uint8))
        smooth = corners.resize((48, 44), Image.Resampling.BICUBIC)
        images.append(tensor(np.asarray(smooth).transpose(2, 0, 1)))
    report = checked(SingleImages(tuple("abc"), tuple(images)))
    assert report.measured.sigma < 2
    assert report.measured.correlation is None


def test_real_pairs(test_data: Path) -> None:
    """The noise of EE-559's pairs is pixel sampling, and their second pictures are clean."""
    file = test_data / "ee559_val_54.pkl"
    if not file.is_file():
        pytest.skip("ee559_val_54.pkl is not there")
    for clean in (False, True):
        report = checked(PicklePairs(str(file), 3, clean))
        assert harmful(report) == []
        noise = report.measured.noise
        assert noise is not None
        assert noise.follows_texture
        assert report.measured.second_looks_clean


def test_photographs(test_data: Path) -> None:
    """Fine detail of photographs is not taken for noise that is correlated."""
    files = sorted((test_data / "bsds500" / "train").glob("*.jpg"))[:8]
    photos = [np.asarray(Image.open(file)).transpose(2, 0, 1) / 255 for file in files]
    clean = checked(singles(lambda image, draws: image, images=photos))
    assert harmful(clean) == []
    assert clean.measured.sigma < 2
    assert {p.name: p.answer for p in clean.pairings}["clean"] == "yes"
    for seed in range(3):
        noisy = checked(singles(gaussian(15), seed, photos))
        assert harmful(noisy) == []
        assert noisy.measured.sigma == pytest.approx(15, rel=0.06)
        assert {p.name: p.answer for p in noisy.pairings}["neighbors"] == "yes"


def test_bursts() -> None:
    """Of several shots of each scene all are looked at."""
    draws = np.random.default_rng(0)
    shots = tuple(
        tuple(tensor(gaussian(20)(clean, draws)) for _ in range(3 + number % 2))
        for number, clean in enumerate(scenes())
    )
    report = checked(Bursts(tuple(map(str, range(len(shots)))), shots))
    assert harmful(report) == []
    assert report.measured.sigma == pytest.approx(20, rel=0.03)
    assert report.findings[0].figure == "5 bursts, 160x128, 3 channels, float32"
    assert {p.name: p.answer for p in report.pairings}["noisy"] == "yes"
