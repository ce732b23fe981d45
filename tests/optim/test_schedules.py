"""Schedules against torch.optim.lr_scheduler over a whole run."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch.optim import lr_scheduler

from zoo.errors import ArgumentError
from zoo.optim.schedules import Constant, Cosine, OneCycle, Schedule, Step

RUNS = [(7, 9), (10, 2), (1, 30), (30, 1), (3, 1)]  # (steps_per_epoch, epochs)

MakeReference = Callable[[torch.optim.Optimizer, int, int], lr_scheduler.LRScheduler]


def factors(schedule: Schedule, steps_per_epoch: int, epochs: int) -> list[float]:
    steps = range(steps_per_epoch * epochs)
    return [schedule(step, steps_per_epoch, epochs) for step in steps]


def torch_factors(
    make: MakeReference, steps_per_epoch: int, epochs: int, every_step: bool
) -> list[float]:
    """Learning rates of torch's scheduler for a base rate of 1, step by step."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = make(optimizer, steps_per_epoch, epochs)
    rates = []
    for step in range(steps_per_epoch * epochs):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        if step + 1 < steps_per_epoch * epochs and (
            every_step or (step + 1) % steps_per_epoch == 0
        ):
            scheduler.step()
    return rates


def cosine_with_warmup(
    optimizer: torch.optim.Optimizer, steps_per_epoch: int, epochs: int
) -> lr_scheduler.LRScheduler:
    total = steps_per_epoch * epochs
    rising = round(0.2 * total)
    rise = lr_scheduler.LinearLR(optimizer, start_factor=1 / (rising + 1), total_iters=rising)
    fall = lr_scheduler.CosineAnnealingLR(optimizer, T_max=total - rising, eta_min=0.1)
    return lr_scheduler.SequentialLR(optimizer, [rise, fall], milestones=[rising])


@pytest.mark.parametrize(("steps_per_epoch", "epochs"), RUNS)
@pytest.mark.parametrize(
    ("schedule", "make", "every_step"),
    [
        (
            Cosine(),
            lambda optimizer, n, epochs: lr_scheduler.CosineAnnealingLR(
                optimizer, T_max=n * epochs
            ),
            True,
        ),
        (
            Cosine(final=0.25),
            lambda optimizer, n, epochs: lr_scheduler.CosineAnnealingLR(
                optimizer, T_max=n * epochs, eta_min=0.25
            ),
            True,
        ),
        (Cosine(final=0.1, warmup=0.2), cosine_with_warmup, True),
        (
            OneCycle(),
            lambda optimizer, n, epochs: lr_scheduler.OneCycleLR(
                optimizer, max_lr=1.0, total_steps=n * epochs, cycle_momentum=False
            ),
            True,
        ),
        (
            OneCycle(warmup=0.45, initial=0.1, final=0.001),
            lambda optimizer, n, epochs: lr_scheduler.OneCycleLR(
                optimizer,
                max_lr=1.0,
                total_steps=n * epochs,
                pct_start=0.45,
                div_factor=10,
                final_div_factor=100,
                cycle_momentum=False,
            ),
            True,
        ),
        (
            Step(every=2),
            lambda optimizer, n, epochs: lr_scheduler.StepLR(optimizer, step_size=2),
            False,
        ),
        (
            Step(every=3, factor=0.5),
            lambda optimizer, n, epochs: lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5),
            False,
        ),
        (
            Constant(),
            lambda optimizer, n, epochs: lr_scheduler.ConstantLR(optimizer, factor=1.0),
            True,
        ),
    ],
    ids=[
        "cosine",
        "cosine-final",
        "cosine-warmup",
        "one_cycle",
        "one_cycle-options",
        "step",
        "step-factor",
        "constant",
    ],
)
def test_factors_are_those_of_torch(
    schedule: Schedule, make: MakeReference, every_step: bool, steps_per_epoch: int, epochs: int
) -> None:
    expected = torch_factors(make, steps_per_epoch, epochs, every_step)
    assert factors(schedule, steps_per_epoch, epochs) == pytest.approx(
        expected, rel=1e-9, abs=1e-12
    )


def test_a_rise_starts_above_zero_and_ends_at_the_base_rate() -> None:
    rates = factors(Cosine(warmup=0.4), 5, 2)
    assert rates[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rates[4:] == sorted(rates[4:], reverse=True)


def test_one_cycle_starts_peaks_and_ends_where_it_says() -> None:
    rates = factors(OneCycle(), 10, 10)
    assert rates[0] == pytest.approx(0.04)
    assert (rates[29], rates[-1]) == (1.0, 4e-6)
    assert max(rates) == 1.0


@pytest.mark.parametrize(
    "schedule",
    [
        Cosine(warmup=1.0),
        Cosine(warmup=1),
        OneCycle(warmup=0.0),
        OneCycle(warmup=1.0),
        OneCycle(warmup=0.5),
        OneCycle(),
    ],
    ids=str,
)
@pytest.mark.parametrize("total", [1, 2, 3, 10])
def test_the_shortest_runs_and_the_extreme_rises_stay_within_the_range(
    schedule: Schedule, total: int
) -> None:
    assert all(0 < factor <= 1 for factor in factors(schedule, total, 1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Cosine(final=-1.0), "Cosine: final is -1.0. Use a finite number >= 0."),
        (lambda: Cosine(warmup=1.5), "Cosine: warmup is 1.5. Use a finite number from 0 to 1."),
        (
            lambda: OneCycle(warmup=-0.1),
            "OneCycle: warmup is -0.1. Use a finite number from 0 to 1.",
        ),
        (
            lambda: OneCycle(initial=float("inf")),
            "OneCycle: initial is inf. Use a finite number >= 0.",
        ),
        (
            lambda: OneCycle(final=float("nan")),
            "OneCycle: final is nan. Use a finite number >= 0.",
        ),
        (lambda: Step(every=0), "Step: every is 0. Use an integer >= 1."),
        (lambda: Step(every=1, factor=-0.5), "Step: factor is -0.5. Use a finite number >= 0."),
    ],
)
def test_impossible_arguments(make: Callable[[], Schedule], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make()
    assert str(caught.value) == message
