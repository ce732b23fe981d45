"""The contract of a learning-rate schedule, one check for each clause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final

from zoo.testing.comparisons import require
from zoo.testing.members import require_methods
from zoo.testing.randomness import no_global_generator

METHODS: Final = (("__call__", ("step", "steps_per_epoch", "epochs")),)
RUNS: Final = ((10, 4), (1, 7), (13, 1), (2, 2), (1, 1))  # steps in an epoch, epochs
LONG: Final = ((3, 1000), (5000, 300), (20_000, 2))  # of which some steps are looked at
SOME: Final = 60


@dataclass(frozen=True)
class ScheduleCase:
    """One set of options of a schedule.

    Attributes:
        build: the schedule's class, or a ``functools.partial`` of it with its options.
        id: the name of the case in reports and messages.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    build: Callable[[], Any]
    id: str
    expected_failures: Mapping[str, str] = field(default_factory=dict)


ScheduleCheck = Callable[[ScheduleCase], None]


def check_methods(case: ScheduleCase) -> None:
    """It is called as ``schedule(step, steps_per_epoch, epochs)``."""
    require_methods(case.id, case.build(), METHODS)


def check_factors(case: ScheduleCase) -> None:
    """Each step of a run of any length has a finite factor >= 0, and not all are 0."""
    schedule = case.build()
    for steps, epochs in (*RUNS, *LONG):
        factors = []
        total = steps * epochs
        for step in range(total) if total <= SOME else _spread(total):
            factor = schedule(step, steps, epochs)
            number = isinstance(factor, (int, float)) and not isinstance(factor, bool)
            require(
                number and isfinite(factor) and factor >= 0,
                f"{case.id}: step {step} of {steps} x {epochs} has the factor {factor!r}. "
                "It is a finite number >= 0.",
            )
            factors.append(factor)
        require(any(factors), f"{case.id}: all factors of {steps} x {epochs} steps are 0.")


def check_remembers_nothing(case: ScheduleCase) -> None:
    """A factor depends on the step alone, so that a resumed run needs no state of it."""
    schedule = case.build()
    with no_global_generator(case.id):
        forward = [schedule(*each) for each in _steps()]
        backward = [schedule(*each) for each in reversed([*_steps()])][::-1]
        alone = [case.build()(*each) for each in _steps()]
    for each, expected, *others in zip(_steps(), forward, backward, alone, strict=True):
        for found, how in zip(others, ("asked in another order", "asked alone"), strict=True):
            require(
                found == expected,
                f"{case.id}: step {each[0]} of {each[1]} x {each[2]}, {how}, has the factor "
                f"{found!r} instead of {expected!r}. It depends on its arguments alone.",
            )


SCHEDULE_CHECKS: Final[Sequence[ScheduleCheck]] = (
    check_methods,
    check_factors,
    check_remembers_nothing,
)


def _spread(total: int) -> list[int]:
    """Some steps of many, the first two and the last two among them."""
    return sorted({0, 1, *range(0, total, total // SOME), total - 2, total - 1})


def _steps() -> Iterator[tuple[int, int, int]]:
    for steps, epochs in RUNS:
        yield from ((step, steps, epochs) for step in range(steps * epochs))
