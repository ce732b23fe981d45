from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoo.data.batches import Batches
from zoo.data.crops import Crops, Photographs
from zoo.data.evaluation import evaluation_images
from zoo.data.noise.base import Noise
from zoo.data.noise.bernoulli import Bernoulli
from zoo.data.noise.gaussian import Gaussian
from zoo.data.noise.impulse import Impulse
from zoo.data.noise.pixel_sampling import PixelSampling
from zoo.data.noise.poisson import Poisson
from zoo.data.noise.poisson_gaussian import PoissonGaussian
from zoo.data.pairings.views import CleanTarget
from zoo.data.sources.folder import Folder
from zoo.data.sources.pickle_pairs import PicklePairs
from zoo.errors import ArgumentError

N, SIZE = 40, 32


def flat_crops(value: float, n: int = N, size: int = SIZE) -> Crops:
    """``n`` crops of one colour."""
    pack = Photographs(["flat"], [torch.full((3, size, size), value)])
    block = torch.ones(n, dtype=torch.int64)
    positions = pack.random_positions(block, size, size, torch.Generator())
    return pack.crops(positions, block, size, size)


def random_crops(n: int = N, size: int = SIZE) -> Crops:
    draws = torch.Generator().manual_seed(7)
    pack = Photographs(["random"], [torch.rand(3, 3 * size, 3 * size, generator=draws)])
    block = torch.ones(n, dtype=torch.int64)
    positions = pack.random_positions(block, size, size, draws)
    return pack.crops(positions, block, size, size)


def assert_mean(values: Tensor, expected: float) -> None:
    """The mean is ``expected`` to within 4 standard errors."""
    error = float(values.std()) / math.sqrt(values.numel())
    assert float(values.mean()) == pytest.approx(expected, abs=4 * error + 1e-7)


def correlation(a: Tensor, b: Tensor) -> float:
    return float(torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1])


UNBIASED: dict[str, Callable[[], Noise]] = {
    "gaussian": lambda: Gaussian(25),
    "poisson": lambda: Poisson(30),
    "poisson_gaussian": lambda: PoissonGaussian(0.01, 10),
}


@pytest.mark.parametrize("name", UNBIASED)
@pytest.mark.parametrize("value", [0.0, 0.02, 0.5, 1.0])
def test_the_mean_is_the_clean_value(name: str, value: float, draws: torch.Generator) -> None:
    assert_mean(UNBIASED[name]().draw(flat_crops(value), draws).image, value)


def test_gaussian(draws: torch.Generator) -> None:
    noisy = Gaussian(25).draw(flat_crops(0.0), draws)
    assert noisy.mask is None
    assert noisy.image.std() * 255 == pytest.approx(25, rel=0.01)
    assert noisy.image.min() < -3 * 25 / 255  # black is not clipped
    assert Gaussian(25).draw(flat_crops(1.0), draws).image.max() > 1 + 3 * 25 / 255
    kurtosis = (noisy.image**4).mean() / noisy.image.var() ** 2
    assert kurtosis == pytest.approx(3, abs=0.1)


def test_gaussian_on_an_image_is_additive(draws: torch.Generator) -> None:
    crops = random_crops()
    noise = Gaussian(25).draw(crops, draws).image - crops.clean
    assert_mean(noise, 0)
    assert noise.std() * 255 == pytest.approx(25, rel=0.01)
    assert abs(correlation(noise, crops.clean)) < 0.02
    assert abs(correlation(noise[:, 0], noise[:, 1])) < 0.02


def test_a_range_is_drawn_for_each_image_and_copy(draws: torch.Generator) -> None:
    noise, crops = Gaussian([10, 50]), flat_crops(0.5, n=400, size=16)
    first, second = (noise.draw(crops, draws).image.std((1, 2, 3)) * 255 for _ in range(2))
    assert 9 < first.min() < 13
    assert 47 < first.max() < 54
    assert_mean(first, 30)
    assert abs(correlation(first, second)) < 0.2


def test_poisson(draws: torch.Generator) -> None:
    noisy = Poisson(30).draw(flat_crops(0.5), draws)
    assert noisy.mask is None
    assert noisy.image.var() == pytest.approx(0.5 / 30, rel=0.02)
    counts = noisy.image * 30
    torch.testing.assert_close(counts, counts.round())
    assert torch.equal(
        Poisson(30).draw(flat_crops(0.0), draws).image, torch.zeros(N, 3, SIZE, SIZE)
    )
    assert Poisson(30).draw(flat_crops(1.0), draws).image.max() > 1.3  # white is not clipped


def test_poisson_with_almost_no_light_is_finite(draws: torch.Generator) -> None:
    image = Poisson([1e-3, 1e-2]).draw(flat_crops(1.0), draws).image
    assert image.isfinite().all()


def test_bernoulli(draws: torch.Generator) -> None:
    crops = random_crops()
    image, mask = Bernoulli(0.3).draw(crops, draws)
    assert mask is not None
    assert mask.shape == (N, 1, SIZE, SIZE)
    assert set(mask.flatten().tolist()) == {0, 1}
    assert_mean(mask, 0.3)
    assert torch.equal(image, crops.clean * mask)  # all channels of a pixel together
    assert Bernoulli().masks
    assert not any(noise.masks for noise in (Gaussian(), Poisson(), Impulse(), PixelSampling()))


def test_bernoulli_keeping_everything(draws: torch.Generator) -> None:
    crops = random_crops()
    assert torch.equal(Bernoulli(1).draw(crops, draws).image, crops.clean)


def test_impulse(draws: torch.Generator) -> None:
    p, value = 0.4, 0.1
    image, mask = Impulse(p).draw(flat_crops(value), draws)
    assert mask is None
    assert_mean(image, (1 - p) * value + p / 2)
    replaced = image != torch.tensor(value)
    assert torch.equal(replaced.any(1), replaced.all(1))  # whole pixels
    assert_mean(replaced[:, 0].float(), p)
    red, green, _ = (image[:, channel][replaced.any(1)] for channel in range(3))
    assert_mean(red, 0.5)
    assert red.var() == pytest.approx(1 / 12, rel=0.05)
    assert abs(correlation(red, green)) < 0.04


@pytest.mark.parametrize("noise", [Gaussian(25), Poisson(30), Bernoulli(0.5), Impulse(0.5)])
def test_copies_are_independent(noise: Noise, draws: torch.Generator) -> None:
    crops = flat_crops(0.5)
    first, second = (noise.draw(crops, draws).image for _ in range(2))
    assert abs(correlation(first[:, 0], second[:, 0])) < 0.025  # 5 standard errors
    assert torch.equal(crops.clean, torch.full((N, 3, SIZE, SIZE), 0.5))  # left as it was


@pytest.mark.parametrize("noise", [Gaussian(), Poisson(), Bernoulli(), Impulse()])
def test_noise_on_crops_has_block_size_1(noise: Noise, draws: torch.Generator) -> None:
    assert noise.block_sizes(4, draws).tolist() == [1, 1, 1, 1]
    assert noise.largest_block == 1


def test_pixel_sampling_draws_every_block_size(draws: torch.Generator) -> None:
    sizes = PixelSampling([6, 8]).block_sizes(3000, draws)
    share = torch.bincount(sizes) / 3000
    torch.testing.assert_close(share[6:], torch.full((3,), 1 / 3), atol=0.04, rtol=0)
    assert share[:6].sum() == 0
    assert PixelSampling([6, 8]).largest_block == 8
    assert PixelSampling(5).block_sizes(2, draws).tolist() == [5, 5]


def test_pixel_sampling_has_the_block_mean_as_its_mean(draws: torch.Generator) -> None:
    pack = Photographs(["random"], [torch.rand(3, 64, 64, generator=draws)])
    block = torch.tensor([2, 3, 4])
    crops = pack.crops(pack.random_positions(block, 8, 8, draws), block, 8, 8)
    copies = torch.stack([PixelSampling().draw(crops, draws).image for _ in range(4000)])
    error = copies.std(0) / math.sqrt(len(copies))
    assert ((copies.mean(0) - crops.clean).abs() < 5 * error + 1e-6).all()
    first, second = copies[:2] - crops.clean
    assert abs(correlation(first, second)) < 0.2


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: Gaussian(-1), "gaussian noise: sigma is -1. It is a number >= 0"),
        (lambda: Gaussian([1, 2, 3]), "gaussian noise: sigma is [1, 2, 3]. It is a number >= 0"),
        (lambda: Gaussian(math.nan), "gaussian noise: sigma is nan. It is a number >= 0"),
        (lambda: Gaussian(math.inf), "gaussian noise: sigma is inf. It is a number >= 0"),
        (lambda: Gaussian(True), "gaussian noise: sigma is True. It is a number >= 0"),
        (lambda: Poisson(0), "poisson noise: lam is 0. It is a number > 0"),
        (lambda: Poisson([0, 1]), "poisson noise: lam is [0, 1]. It is a number > 0"),
        (lambda: Bernoulli(0), "bernoulli noise: keep is 0. It is a number > 0 and <= 1"),
        (lambda: Bernoulli(1.5), "bernoulli noise: keep is 1.5. It is a number > 0 and <= 1"),
        (
            lambda: Impulse([0, 2]),
            "impulse noise: probability is [0, 2]. It is a number >= 0 and <= 1",
        ),
        (lambda: PixelSampling(0), "pixel_sampling noise: block is 0. It is an integer >= 1"),
        (
            lambda: PixelSampling(2.5),  # type: ignore[arg-type]  # a file may say so
            "pixel_sampling noise: block is 2.5. It is an integer >= 1",
        ),
    ],
)
def test_impossible_parameters(build: Callable[[], Noise], expected: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        build()
    assert str(caught.value) == f"{expected}, or two in ascending order."


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: Gaussian([5, 1]), "gaussian noise: sigma is [5, 1]"),
        (lambda: Bernoulli((1, 0.5)), "bernoulli noise: keep is (1, 0.5)"),
        (lambda: PixelSampling([8, 6]), "pixel_sampling noise: block is [8, 6]"),
    ],
)
def test_ranges_in_descending_order(build: Callable[[], Noise], expected: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        build()
    assert str(caught.value) == f"{expected}. Write the smaller number first."


def describe(noise: Tensor) -> dict[str, float]:
    """Figures of (N, 3, H, W) noise in grey levels."""
    red, green, blue = noise.unbind(1)
    variance = noise.square().mean()
    return {
        "mean": float(noise.mean()),
        "std": float(variance.sqrt()),
        "kurtosis": float((noise**4).mean() / variance**2),
        "red_green": correlation(red, green),
        "green_blue": correlation(green, blue),
        "red_blue": correlation(red, blue),
        "across": float((noise[..., 1:] * noise[..., :-1]).mean() / variance),
        "down": float((noise[..., 1:, :] * noise[..., :-1, :]).mean() / variance),
    }


def test_pixel_sampling_is_the_noise_of_the_course(test_data: Path) -> None:
    pairs = PicklePairs(str(test_data / "ee559_val_54.pkl"), 3, second_is_clean=True)
    real = describe(
        torch.stack([i.noisy - i.reference for i in evaluation_images(pairs, None, seed=0)]) * 255
    )
    photographs = Folder(str(test_data / "bsds500" / "train"), 3)
    batches = Batches(
        photographs,
        PixelSampling([6, 8]),
        batch_size=500,
        height=32,
        width=32,
        pairing=CleanTarget(),
        samples=500,
    )
    batch = batches.batch(0, 0)
    drawn = describe((batch.x - batch.target) * 255)
    assert drawn["mean"] == pytest.approx(real["mean"], abs=0.3)
    assert drawn["std"] == pytest.approx(real["std"], rel=0.15)
    assert drawn["kurtosis"] == pytest.approx(real["kurtosis"], rel=0.35)  # heavy tails: not 3
    for pair in ("red_green", "green_blue", "red_blue"):  # BSDS500 is less colourful
        assert drawn[pair] == pytest.approx(real[pair], abs=0.25)
    assert drawn["red_blue"] < min(drawn["red_green"], drawn["green_blue"])
    for direction in ("across", "down"):
        assert abs(drawn[direction]) < 0.02
        assert abs(real[direction]) < 0.02


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
@pytest.mark.parametrize(("gain", "sigma"), [(0, 0), (0, 20), (0.02, 0), (0.02, 20), (1e-8, 5)])
def test_poisson_gaussian_noise_has_the_variances_of_both(
    value: float, gain: float, sigma: float
) -> None:
    draws = torch.Generator().manual_seed(3)
    noise = PoissonGaussian(gain, sigma).draw(flat_crops(value), draws).image.double() - value
    expected = gain * value + (sigma / 255) ** 2
    assert float(noise.var()) == pytest.approx(expected, rel=0.03, abs=2e-8)


def test_poisson_gaussian_noise_is_drawn_for_each_image() -> None:
    draws = torch.Generator().manual_seed(3)
    noise = PoissonGaussian([0, 0.02], [0, 50]).draw(flat_crops(0.5), draws).image - 0.5
    stds = noise.std(dim=(1, 2, 3)) * 255
    assert len(set(stds.tolist())) == N
    assert 0 < float(stds.min()) < 15
    assert 40 < float(stds.max()) < 56


def test_poisson_gaussian_noise_refuses_what_is_negative() -> None:
    with pytest.raises(ArgumentError) as error:
        PoissonGaussian(gain=-1)
    assert str(error.value) == (
        "poisson_gaussian noise: gain is -1. It is a number >= 0, or two in ascending order."
    )


@pytest.mark.parametrize("noise", [Poisson(30), PoissonGaussian(0.01, 10), PoissonGaussian(0, 10)])
def test_values_below_black_have_no_photons(noise: Noise, draws: torch.Generator) -> None:
    """Floats may be below 0: the mean stays the clean value."""
    image = noise.draw(flat_crops(-0.3), draws).image
    assert image.isfinite().all()
    assert_mean(image, -0.3)
