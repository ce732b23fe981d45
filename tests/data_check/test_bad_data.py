"""Data sets with one thing wrong: that is found, with its figure, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import norm

from tests.data_check.making import (
    Array,
    checked,
    compressed,
    demosaicked,
    gaussian,
    harmful,
    pairs,
    scenes,
    singles,
    to_bytes,
)
from zoo.data.sets import IdenticalPairsError, ImagePairs, SingleImages
from zoo.data_check.finding import Finding
from zoo.data_check.report import Report, check_images, worst_findings

SEEDS = range(3)


def only(report: Report, what: str) -> Finding:
    """The one finding that is harmful."""
    (found,) = (it for it in report.findings if it.level in ("warning", "error"))
    assert found.what == what
    return found


def answers(report: Report) -> dict[str, str]:
    return {pairing.name: pairing.answer for pairing in report.pairings}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("down", "across"), [(0.0, 0.3), (1.0, 0.0), (-0.6, 0.8), (9.0, -14.0)])
def test_shifted_pairs(seed: int, down: float, across: float) -> None:
    moved = scenes(seed, place=lambda y, x: (y - down, x - across))
    report = checked(pairs(gaussian(10), seed, seconds=moved))
    only(report, "shift")
    alignment = report.measured.alignment
    assert alignment is not None
    assert alignment.common.down == pytest.approx(down, abs=0.08)
    assert alignment.common.across == pytest.approx(across, abs=0.08)
    assert answers(report)["noisy"] == "blurred"
    assert answers(report)["neighbors"] == "yes"  # which needs one view only
    assert report.usable


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("scale", "rotation"), [(0.006, 0.0), (0.0, -0.008)])
def test_scale_and_rotation(seed: int, scale: float, rotation: float) -> None:
    def place(y: Array, x: Array) -> tuple[Array, Array]:
        y, x = y - 64, x - 80
        return (y - scale * y - rotation * x + 64, x - scale * x + rotation * y + 80)

    report = checked(pairs(gaussian(5), seed, seconds=scenes(seed, place=place)))
    only(report, "scale" if scale else "rotation")
    alignment = report.measured.alignment
    assert alignment is not None
    assert alignment.common.scale == pytest.approx(scale, abs=0.001)
    assert alignment.common.rotation == pytest.approx(rotation, abs=0.001)


def test_one_pair_of_many_is_shifted() -> None:
    large = [np.tile(scene, (1, 2, 2)) for scene in scenes()]
    seconds = [*large[:3], np.roll(large[3], 2, 2), large[4]]
    report = checked(pairs(gaussian(10), firsts=large, seconds=seconds))
    figure = only(report, "shift").figure
    assert "1 of the 5 pairs that are large enough to tell are shifted" in figure
    assert "most of all the pair pair3 by" in figure


def test_pairs_that_have_nothing_in_common() -> None:
    report = checked(pairs(gaussian(10), 0, seconds=scenes(77)))
    found = only(report, "other scenes")
    assert "of 5 pairs show different scenes (pair" in found.figure
    assert answers(report)["noisy"] == "unknown"
    swapped = scenes()[:3] + scenes()[4:2:-1]  # two files in each other's place
    report = checked(pairs(gaussian(10), seconds=swapped))
    assert only(report, "other scenes").figure.endswith("(pair3, pair4)")


def test_identical_pairs() -> None:
    good = pairs(gaussian(20))
    with pytest.raises(IdenticalPairsError) as refused:
        replace(good, second=(*good.first[:2], *good.second[2:]))
    report = checked(refused.value.images)
    found = only(report, "same twice")
    assert found.level == "error"
    assert found.figure == "2 of 5 pairs have the same picture twice (pair0, pair1)"
    assert not report.usable
    assert report.measured.noise is not None  # of the other pairs
    assert report.measured.noise.sigma == pytest.approx(20, rel=0.05)


def test_all_pairs_are_identical() -> None:
    good = pairs(gaussian(20))
    with pytest.raises(IdenticalPairsError) as refused:
        replace(good, second=good.first)
    report = checked(refused.value.images)
    assert report.findings[-1] is not None
    assert not report.usable


@pytest.mark.parametrize("seed", SEEDS)
def test_two_copies_of_one_noise(seed: int) -> None:
    good = pairs(gaussian(20), seed)
    draws = np.random.default_rng(seed)
    again = [first + torch.from_numpy(draws.normal(size=first.shape)) / 50 for first in good.first]
    report = checked(replace(good, second=tuple(image.float() for image in again)))
    only(report, "common noise")
    assert report.measured.shared == pytest.approx(1 - (5.1**2 / 2) / 20**2, abs=0.02)
    assert answers(report)["noisy"] == "no"


@pytest.mark.parametrize("seed", SEEDS)
def test_brightness(seed: int) -> None:
    good = pairs(gaussian(20), seed)
    report = checked(replace(good, second=tuple(image + 3 / 255 for image in good.second)))
    only(report, "brightness")
    brightness = report.measured.brightness
    assert brightness is not None
    assert brightness.mean.value == pytest.approx(-3, abs=0.3)
    curved = checked(replace(good, second=tuple(image + image**2 / 20 for image in good.second)))
    assert [line.partition(":")[0] for line in harmful(curved)] == ["brightness", "mean of noise"]


@pytest.mark.parametrize("seed", SEEDS)
def test_clipped_gaussian_noise(seed: int) -> None:
    """The shift of the mean is that of a gaussian that is cut off."""
    dark = scenes(seed, low=0.005)

    def noise(image: Array, draws: np.random.Generator) -> Array:
        return to_bytes(gaussian(30)(image, draws))

    distance = np.stack(dark) * 255 / 30
    lost = 30 * (norm.pdf(distance) - distance * norm.sf(distance))
    cut = lost.reshape(-1, 16, 8, 20, 8).mean((2, 4))  # of each patch the shift of its mean
    for data in (pairs(noise, seed, dark), singles(noise, seed, dark)):
        report = checked(data)
        only(report, "clipping")
        clipping = report.measured.clipping
        zeros = torch.stack([(image == 0).float().mean() for image in data.sides[0]])
        assert clipping.at_black == pytest.approx(float(zeros.mean()), abs=0.01)
        part = float((cut >= 0.5).mean())
        assert 0.3 * part < clipping.noisy < 1.2 * part  # the weakest are not seen
        assert clipping.shift_at_black == pytest.approx(float(cut[cut >= 0.5].mean()), rel=0.3)
    assert harmful(checked(pairs(gaussian(30), seed, dark))) == []  # floats go below black


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("noise", "stride"), [(compressed(20, 85), "no"), (demosaicked(15), "no")])
def test_correlated_noise(seed: int, noise: object, stride: str) -> None:
    report = checked(singles(noise, seed))  # type: ignore[arg-type]
    found = only(report, "correlation")
    assert "neighbors and blind_spot cannot remove it" in found.meaning
    assert answers(report)["neighbors"] == answers(report)["blind_spot"] != "yes"
    of_pairs = checked(pairs(noise, seed))  # type: ignore[arg-type]
    assert harmful(of_pairs) == []  # two views serve all the same
    assert answers(of_pairs)["noisy"] == "yes"
    assert answers(of_pairs)["neighbors"] == stride


def test_noise_of_two_neighbours_allows_every_other_pixel() -> None:
    def noise(image: Array, draws: np.random.Generator) -> Array:
        white = 20 / 255 * draws.normal(size=(3, image.shape[1] + 1, image.shape[2]))
        return image + (white[:, 1:] + 0.5 * white[:, :-1])

    report = checked(pairs(noise), "neighbors")
    assert report.measured.correlation is not None
    assert report.measured.correlation.correlated == {"down": pytest.approx(0.4, abs=0.02)}
    assert answers(report)["neighbors"] == "stride = 2"
    found = only(report, "target")
    assert found.advice == 'Say target = { type = "neighbors", stride = 2 }'


def test_compression_shows_in_blocks() -> None:
    large = [np.tile(scene, (1, 2, 2)) for scene in scenes()]
    report = checked(pairs(compressed(10, 90), firsts=large))
    assert any(finding.what == "blocks" for finding in report.findings)


@pytest.mark.parametrize("kind", [pairs, singles])
def test_twelve_bits_in_sixteen(kind: object) -> None:
    def noise(image: Array, draws: np.random.Generator) -> Array:
        return np.clip(gaussian(10)(image, draws), 0, 1) * 4095 / 65535

    report = checked(kind(noise))  # type: ignore[operator]
    found = only(report, "range")
    assert "range = [0, 4095] in [data] for 12 bits" in found.advice
    assert answers(report)["neighbors"] == "unknown"


def test_copies() -> None:
    images = singles(lambda image, draws: image, images=[*scenes(), *scenes(3)])
    copied = (*images.images, images.images[2], images.images[5].flip(2))
    names = (*images.names, "copy", "mirrored")
    report = check_images(SingleImages(names, copied))
    found = next(finding for finding in report.findings if finding.what == "copies")
    assert found.level == "warning"
    assert found.figure == "1 of 12 are another one's copies, pixel for pixel (copy)"
    alike = next(finding for finding in report.findings if finding.what == "alike")
    assert alike.figure == "1 of 12 show the scene of another one (mirrored)"
    copies = report.measured.copies
    assert copies is not None
    assert copies.held_out is not None


def test_a_target_that_cannot_be_reached() -> None:
    report = checked(singles(gaussian(20)), "noisy")
    assert only(report, "target").figure == "noisy: no pairs"
    assert report.verdict == "The data cannot be used like this: noisy: no pairs"
    assert checked(singles(gaussian(20)), "neighbors").usable


def test_second_pictures_that_are_clean() -> None:
    data = pairs(gaussian(20), clean=True)
    unsaid = checked(replace(data, second_is_clean=False))
    assert harmful(unsaid) == []
    assert [it.what for it in unsaid.findings if it.level == "note"].count("second views") == 1
    assert unsaid.measured.sigma == pytest.approx(20, rel=0.03)  # none of it is of the second
    said = checked(ImagePairs(data.names, data.first, data.second, True), "clean")
    assert harmful(said) == []
    assert said.measured.sigma == pytest.approx(20, rel=0.03)


def test_the_worst_for_a_run() -> None:
    moved = scenes(place=lambda y, x: (y - 1, x))
    data = pairs(gaussian(10), seconds=moved)
    found = worst_findings(replace(data, second=tuple(it + 0.02 for it in data.second)))
    assert [finding.what for finding in found] == ["shift", "brightness"]
    assert worst_findings(pairs(gaussian(10))) == []
