"""The kit on noises, pairings, schedules and sources: each mistake is found by its check."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import zoo
from tests.conformance.test_kit import found_by
from zoo.architecture import parse_architecture
from zoo.compiler import Compiler
from zoo.data.noise.gaussian import Gaussian
from zoo.data.pairings.blind_spot import BlindSpot
from zoo.data.pairings.neighbors import Neighbors
from zoo.data.pairings.views import NoisyTarget
from zoo.errors import DataError, PluginError
from zoo.optim.schedules import Cosine
from zoo.testing import (
    NOISE_CHECKS,
    PAIRING_CHECKS,
    SCHEDULE_CHECKS,
    SOURCE_CHECKS,
    NoiseCase,
    PairingCase,
    ScheduleCase,
    SourceCase,
)
from zoo.testing.running import installed, prove, run_checks


def messages(case: Any) -> dict[str, str]:
    """What each check says that fails."""
    outcomes = run_checks("it", case)
    return {each.check: each.message for each in outcomes if each.state == "failed"}


# Noises.


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


# Pairings.


class OfItself(NoisyTarget):
    """The target is the input."""

    def draw(self, batch: zoo.Batch, generator: torch.Generator) -> zoo.Batch:
        return zoo.Batch(batch.x, batch.x, batch.mask)


class SeesWhatIsHidden(BlindSpot):
    def draw(self, batch: zoo.Batch, generator: torch.Generator) -> zoo.Batch:
        drawn = super().draw(batch, generator)
        return zoo.Batch(drawn.target, drawn.target, drawn.mask)


class WithoutItsMask(BlindSpot):
    def draw(self, batch: zoo.Batch, generator: torch.Generator) -> zoo.Batch:
        drawn = super().draw(batch, generator)
        return zoo.Batch(drawn.x, drawn.target)


class Shifted(NoisyTarget):
    def draw(self, batch: zoo.Batch, generator: torch.Generator) -> zoo.Batch:
        return zoo.Batch(batch.x, batch.target.roll(4, -1), batch.mask)


class Dimmed(NoisyTarget):
    def draw(self, batch: zoo.Batch, generator: torch.Generator) -> zoo.Batch:
        return zoo.Batch(batch.x, batch.target * 0.98, batch.mask)


class ForgetsTheMask(NoisyTarget):
    def draw(self, batch: zoo.Batch, generator: torch.Generator) -> zoo.Batch:
        return zoo.Batch(batch.x, batch.target)


class SmallWindow(Neighbors):
    def window(self, height: int, width: int) -> tuple[int, int]:
        return height, width


class DrawsAtWill(NoisyTarget):
    def draw(self, batch: zoo.Batch, generator: torch.Generator) -> zoo.Batch:
        one = torch.rand(()) < 0.5
        return batch if one else zoo.Batch(batch.target, batch.x, batch.mask)


class CorrectsInPlace(Neighbors):
    def correct(self, batch: zoo.Batch, predict: Any, progress: float) -> zoo.Batch:
        batch.target.add_(0.1)
        return super().correct(batch, predict, progress)


class NeedsWhatThereIsNot(NoisyTarget):
    needs = "both"  # type: ignore[assignment]  # the mistake


PAIRINGS: list[tuple[Any, set[str]]] = [
    (NoisyTarget, set()),
    (Neighbors, set()),
    (BlindSpot, set()),
    (OfItself, {"independent_noise"}),
    (SeesWhatIsHidden, {"independent_noise"}),
    (WithoutItsMask, {"batches", "correct", "independent_noise"}),
    (Shifted, {"same_scene"}),
    (Dimmed, {"independent_noise"}),
    (ForgetsTheMask, {"batches"}),
    (SmallWindow, {"batches", "correct"}),
    (DrawsAtWill, {"generator"}),
    (CorrectsInPlace, {"correct"}),
    (
        NeedsWhatThereIsNot,
        {"methods", "batches", "generator", "independent_noise", "correct"},
    ),
]


@pytest.mark.parametrize(
    ("pairing", "expected"), PAIRINGS, ids=lambda it: getattr(it, "__name__", "")
)
def test_every_mistake_in_a_pairing_is_found(pairing: Any, expected: set[str]) -> None:
    assert found_by(PAIRING_CHECKS, PairingCase(pairing, "halves()")) == expected


def test_what_is_said_of_a_pairing() -> None:
    said = messages(PairingCase(OfItself, "halves()"))
    assert said["independent_noise"] == (
        "halves(): noise of variance 0.01 in the input has the covariance 0.01 with the target's, "
        "so that a network learns to keep it. It should be 0: the target's noise must be "
        "independent of the input."
    )
    said = messages(PairingCase(Shifted, "halves()"))
    assert said["same_scene"].startswith(
        "halves(): without noise input and target differ by 0.040 where neighbouring pixels "
        "differ by 0.01."
    )


# Schedules.


class Counts(Cosine):
    """It counts its calls."""

    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        count = self.__dict__.setdefault("count", 0)
        self.__dict__["count"] = count + 1
        return 1 / (1 + count)


class OfTheStepAlone(Cosine):
    def __call__(self, step: int) -> float:  # type: ignore[override]  # the mistake
        return 1.0


class BelowZero(Cosine):
    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return 1 - step / 10


class DividesByNothing(Cosine):
    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return step / (steps_per_epoch * epochs - 1)


class Warms(Cosine):
    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return step / (steps_per_epoch * epochs)


class Jitters(Cosine):
    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return random.random()


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (Cosine, set()),
        (Counts, {"remembers_nothing"}),
        (OfTheStepAlone, {"methods", "factors", "remembers_nothing"}),
        (BelowZero, {"factors"}),
        (DividesByNothing, {"factors", "remembers_nothing"}),
        (Warms, {"factors"}),
        (Jitters, {"remembers_nothing"}),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_every_mistake_in_a_schedule_is_found(schedule: Any, expected: set[str]) -> None:
    assert found_by(SCHEDULE_CHECKS, ScheduleCase(schedule, "fall(final=0)")) == expected


def test_what_is_said_of_a_schedule() -> None:
    assert messages(ScheduleCase(BelowZero, "fall(final=0)"))["factors"] == (
        "fall(final=0): step 11 of 10 x 4 has the factor -0.10000000000000009. "
        "It is a finite number >= 0."
    )
    assert messages(ScheduleCase(OfTheStepAlone, "fall(final=0)"))["methods"] == (
        "fall(final=0): OfTheStepAlone.__call__ takes (step: 'int') -> 'float'. "
        "It is called as __call__(step, steps_per_epoch, epochs)."
    )


# Sources.


def images(names: tuple[str, ...], *pictures: Tensor) -> zoo.SingleImages:
    return zoo.SingleImages(names, pictures)


def write(folder: Path) -> None:
    (folder / "data.txt").write_text("3")


def right(folder: Path, channels: int) -> zoo.SingleImages:
    if not (folder / "data.txt").exists():
        raise DataError(f"{folder}: there is no data.txt.")
    return images(("a", "b"), torch.zeros(channels, 4, 5), torch.ones(channels, 6, 5))


def same_names(folder: Path, channels: int) -> zoo.SingleImages:
    return images(("a", "a"), *right(folder, channels).images)


def up_to_255(folder: Path, channels: int) -> zoo.SingleImages:
    return images(("a",), right(folder, channels).images[1] * 255)


def always_grey(folder: Path, channels: int) -> zoo.SingleImages:
    return right(folder, 1)


def drawn(folder: Path, channels: int) -> zoo.SingleImages:
    right(folder, channels)
    return images(("a",), torch.rand(channels, 4, 5))


def in_any_order(folder: Path, channels: int) -> zoo.SingleImages:
    return images(next(ORDERS), *right(folder, channels).images)


def opens_the_file(folder: Path, channels: int) -> zoo.SingleImages:
    (folder / "data.txt").read_text()
    return right(folder, channels)


def makes_it_up(folder: Path, channels: int) -> zoo.SingleImages:
    return images(("a",), torch.zeros(channels, 4, 5))


ORDERS = cycle([("a", "b"), ("b", "a")])


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (right, set()),
        (same_names, {"images"}),
        (up_to_255, {"images"}),
        (always_grey, {"images"}),
        (drawn, {"same_again"}),
        (in_any_order, {"same_again"}),
        (opens_the_file, {"missing_files"}),
        (makes_it_up, {"missing_files"}),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_every_mistake_in_a_source_is_found(
    load: Callable[[Path, int], zoo.SingleImages], expected: set[str]
) -> None:
    assert found_by(SOURCE_CHECKS, SourceCase(load, "album(path=a)", write)) == expected


def test_what_is_said_of_a_source() -> None:
    assert messages(SourceCase(up_to_255, "album(path=a)", write))["images"] == (
        "album(path=a): values of a float32 image go from 255 to 255. Black is 0 and white is 1."
    )
    said = messages(SourceCase(opens_the_file, "album(path=a)", write))["missing_files"]
    assert said.startswith("album(path=a): where the files are missing: FileNotFoundError: ")
    assert said.endswith("Raise DataError.")


# In a plugin.

FOG = """
import zoo

SCHEMA = {
    "type": "object",
    "properties": {"sigma": {"type": "number", "default": 0.5, "description": "Of the fog."}},
    "additionalProperties": False,
}


@zoo.hookimpl
def zoo_noises():
    yield zoo.NoiseEntry(name="fog", factory="zoo_fog:make", schema=SCHEMA, summary="Fog")


def make(sigma: float = 0.5):
    class Fog(BASE):
        pass

    return Fog()
"""
ARCHITECTURE = """
format = 1
name = "fog"
input = { channels = 3, height = 8, width = 8 }
data = { source = "demo", noise = "fog" }
[[layers]]
type = "conv2d"
out_channels = 3
kernel_size = 1
"""


@pytest.mark.parametrize(
    ("base", "checked", "run"),
    [
        (
            "zoo.Noise",
            "fog(): cannot be made: TypeError: Can't instantiate abstract class Fog",
            "noise 'fog' of zoo-fog 1.0: cannot be made: TypeError: Can't instantiate abstract "
            "class Fog",
        ),
        (
            "object",
            "fog(): Fog has no draw. Write draw(crops, generator).",
            "noise 'fog' of zoo-fog 1.0: a Fog is no zoo.Noise. Derive it from that.",
        ),
    ],
)
def test_a_noise_without_draw(
    base: str, checked: str, run: str, install: Callable[..., None]
) -> None:
    install("zoo-fog", FOG.replace("BASE", base))
    failed = [each.message for each in prove("zoo-fog") if each.state == "failed"]
    assert [message for message in failed if message.startswith(checked)]
    registry = installed("zoo-fog")
    architecture = parse_architecture(ARCHITECTURE, registry, "fog.toml", Path())
    assert architecture.data.noise is not None
    with pytest.raises(PluginError) as caught:
        Compiler(architecture, registry).build(architecture.data.noise)
    assert str(caught.value).startswith(run)


LOSS = FOG.replace("zoo_noises", "zoo_losses").replace("NoiseEntry", "LossEntry")


def test_a_loss_without_backward(install: Callable[..., None]) -> None:
    install("zoo-fog", LOSS.replace("(BASE):\n        pass", ":\n        forward = max"))
    registry = installed("zoo-fog")
    text = ARCHITECTURE.replace(', noise = "fog"', "").replace("data =", 'loss = "fog"\ndata =')
    compiler = Compiler(parse_architecture(text, registry, "fog.toml", Path()), registry)
    with pytest.raises(PluginError) as caught:
        compiler.loss()
    assert str(caught.value) == (
        "loss 'fog' of zoo-fog 1.0: a Fog has no backward. Write it: see zoo.Loss."
    )
