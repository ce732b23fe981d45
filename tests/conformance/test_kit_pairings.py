"""The kit on pairings: right ones pass, and each mistake is found by its check."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import zoo
from tests.conformance.test_kit import found_by
from tests.conformance.test_kit_noises import messages
from zoo.data.pairings.blind_spot import BlindSpot
from zoo.data.pairings.neighbors import Neighbors
from zoo.data.pairings.views import NoisyTarget
from zoo.testing import (
    PAIRING_CHECKS,
    PairingCase,
)


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


class CorrectsToTheInput(NoisyTarget):
    """The target is the input as soon as the network has learnt something."""

    def correct(self, batch: zoo.Batch, predict: Any, progress: float) -> zoo.Batch:
        return zoo.Batch(batch.x, batch.x if progress > 0.5 else batch.target, batch.mask)


class CountsItsCorrections(NoisyTarget):
    count = 0

    def correct(self, batch: zoo.Batch, predict: Any, progress: float) -> zoo.Batch:
        self.count += 1
        return zoo.Batch(batch.x, batch.target + 1e-4 * self.count, batch.mask)


class OneCorner(NoisyTarget):
    """One pixel of the target is the input's."""

    def draw(self, batch: zoo.Batch, generator: torch.Generator) -> zoo.Batch:
        target = batch.target.clone()
        target[..., -1, -1] = batch.x[..., -1, -1]
        return zoo.Batch(batch.x, target, batch.mask)


class DarkCorner(NoisyTarget):
    def draw(self, batch: zoo.Batch, generator: torch.Generator) -> zoo.Batch:
        target = batch.target.clone()
        target[..., 0, -1] *= 0.9
        return zoo.Batch(batch.x, target, batch.mask)


class KeepsNothing(BlindSpot):
    def draw(self, batch: zoo.Batch, generator: torch.Generator) -> zoo.Batch:
        drawn = super().draw(batch, generator)
        assert drawn.mask is not None
        return zoo.Batch(drawn.x, drawn.target, torch.zeros_like(drawn.mask))


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
    (CorrectsInPlace, {"correct", "correct_independent_noise"}),
    (CorrectsToTheInput, {"correct_independent_noise"}),
    (CountsItsCorrections, {"correct", "correct_independent_noise"}),
    (OneCorner, {"independent_noise"}),
    (DarkCorner, {"independent_noise"}),
    (KeepsNothing, {"independent_noise"}),
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
    said = messages(PairingCase(OneCorner, "halves()"))
    assert said["independent_noise"].startswith(
        "halves(), row 11, column 15: noise of variance 0.01 in the input has the covariance "
    )
    said = messages(PairingCase(CorrectsToTheInput, "halves()"))
    assert said["correct_independent_noise"].startswith(
        "halves(): after correct at progress 0.6: noise of variance 0.01 in the input has the "
    )
    said = messages(PairingCase(KeepsNothing, "halves()"))
    assert said["independent_noise"] == (
        "halves(): the mask is 0 everywhere in 40 batches. It should keep some pixels."
    )
