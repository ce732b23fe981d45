"""The kit on noises: a right one passes, and each mistake is found by its check."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import zoo
from tests.conformance.test_kit import found_by
from zoo.data.noise.gaussian import Gaussian
from zoo.testing import (
    NOISE_CHECKS,
    NoiseCase,
)
from zoo.testing.running import run_checks


def messages(case: Any) -> dict[str, str]:
    """What each check says that fails."""
    outcomes = run_checks("it", case)
    return {each.check: each.message for each in outcomes if each.state == "failed"}


class Right(Gaussian):
    def __init__(self) -> None:
        super().__init__(25)


class WithoutDraw(zoo.Noise):
    """Nothing."""


class NoNoise:
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        return zoo.Noisy(crops.clean)

    def block_sizes(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.ones(n, dtype=torch.int64)


class Clipped(Right):
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        return zoo.Noisy(super().draw(crops, generator).image.clamp(0, 1))


class Brighter(Right):
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        return zoo.Noisy(super().draw(crops, generator).image + 0.005)


class SaysSo(Brighter):
    unbiased = False


class Cropped(Right):
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        return zoo.Noisy(super().draw(crops, generator).image[..., 1:])


class InFloat64(Right):
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        return zoo.Noisy(super().draw(crops, generator).image.double())


class BareTensor(Right):
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> Any:
        return super().draw(crops, generator).image


class UsesTorch(Right):
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        return zoo.Noisy(crops.clean + 0.1 * torch.randn(crops.clean.shape))


class UsesNumpy(Right):
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        shift = 1e-5 * np.random.randn()
        return zoo.Noisy(super().draw(crops, generator).image + shift)


class UsesPython(Right):
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        return zoo.Noisy(super().draw(crops, generator).image + random.gauss(0, 1e-5))


class AlwaysTheSame(Right):
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        return super().draw(crops, torch.Generator().manual_seed(0))


class ChangesTheCrops(Right):
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        return zoo.Noisy(crops.clean.add_(super().draw(crops, generator).image - crops.clean))


class SaysNothingOfItsMask(Right):
    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        return zoo.Noisy(super().draw(crops, generator).image, torch.ones_like(crops.clean[:, :1]))


class LargerBlocks(Right):
    def block_sizes(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.full((n,), 2)


class MissingPixels(Right):
    """As bernoulli, but the mask is the wrong way round."""

    masks = True

    def draw(self, crops: zoo.Crops, generator: torch.Generator) -> zoo.Noisy:
        kept = (torch.rand(crops.clean[:, :1].shape, generator=generator) < 0.5).float()
        return zoo.Noisy(crops.clean * kept, 1 - kept)


NOISES: list[tuple[Any, set[str]]] = [
    (Right, set()),
    (SaysSo, set()),
    (WithoutDraw, {"methods", "block_sizes", "copies", "generator", "unbiased"}),
    (NoNoise, {"methods", "block_sizes", "copies", "generator", "unbiased"}),
    (Clipped, {"unbiased"}),
    (Brighter, {"unbiased"}),
    (Cropped, {"copies", "unbiased"}),
    (InFloat64, {"copies"}),
    (BareTensor, {"copies", "generator", "unbiased"}),
    (UsesTorch, {"generator"}),
    (UsesNumpy, {"generator"}),
    (UsesPython, {"generator"}),
    (AlwaysTheSame, {"generator"}),
    (ChangesTheCrops, {"copies", "generator"}),
    (SaysNothingOfItsMask, {"copies"}),
    (LargerBlocks, {"block_sizes", "copies", "generator", "unbiased"}),
    (MissingPixels, {"unbiased"}),
]


@pytest.mark.parametrize(("noise", "expected"), NOISES, ids=lambda it: getattr(it, "__name__", ""))
def test_every_mistake_in_a_noise_is_found(noise: Any, expected: set[str]) -> None:
    assert found_by(NOISE_CHECKS, NoiseCase(noise, "fog(sigma=25)")) == expected


@pytest.mark.parametrize(
    ("noise", "check", "said"),
    [
        (WithoutDraw, "methods", "has no draw. Write draw(crops, generator)."),
        (NoNoise, "methods", "NoNoise is no zoo.Noise. Derive it from that."),
        (
            Clipped,
            "unbiased",
            "where the picture is black the mean of 512 copies differs from it by 0.0390, 296 "
            "standard errors. It should be the picture, or say unbiased = False. No value lies "
            "outside [0, 1]: do not clip.",
        ),
        (
            Cropped,
            "copies",
            "the image is (2, 3, 5, 6) of torch.float32. "
            "It should be (2, 3, 5, 7) of torch.float32.",
        ),
        (BareTensor, "copies", "draw gives (2, 3, 5, 7) of torch.float32. Give zoo.Noisy."),
        (
            UsesTorch,
            "generator",
            "torch's global generator is used. Use the one that is given.",
        ),
        (
            AlwaysTheSame,
            "generator",
            "the second copy is the first again. Draw each anew from the generator.",
        ),
        (SaysNothingOfItsMask, "copies", "gives a mask, but masks is False."),
        (LargerBlocks, "block_sizes", "block_sizes gives 2 to 2. largest_block is 1."),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_what_is_said_of_a_noise(noise: Any, check: str, said: str) -> None:
    assert messages(NoiseCase(noise, "fog(sigma=25)"))[check] == f"fog(sigma=25): {said}"
