"""The kit on schedules: a right one passes, and each mistake is found by its check."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tests.conformance.test_kit import found_by
from tests.conformance.test_kit_noises import messages
from zoo.optim.schedules import Cosine
from zoo.testing import (
    SCHEDULE_CHECKS,
    ScheduleCase,
)


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


class NotAfterAHundredEpochs(Cosine):
    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return float("nan") if epochs > 100 else super().__call__(step, steps_per_epoch, epochs)


class BelowZeroInLongEpochs(Cosine):
    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return -1.0 if steps_per_epoch >= 5000 else super().__call__(step, steps_per_epoch, epochs)


class EndsAtLast(Cosine):
    """Nothing is right after 200,000 steps."""

    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return float("inf") if step > 200_000 else super().__call__(step, steps_per_epoch, epochs)


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
        (NotAfterAHundredEpochs, {"factors"}),
        (BelowZeroInLongEpochs, {"factors"}),
        (EndsAtLast, {"factors"}),
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
