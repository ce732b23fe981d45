"""Learning-rate schedules: functions of how far a run has come.

Each is a small frozen record called as ``schedule(step, steps_per_epoch, epochs)``, which gives the
factor of the base learning rate for that step. It depends on nothing else, so a resumed run needs
no state of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from zoo.spec.arguments import number, positive_int


class Schedule(Protocol):
    """The factor of the base learning rate, step by step."""

    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """The factor for one step.

        Args:
            step: counted from 0 over the whole run, < steps_per_epoch * epochs.
            steps_per_epoch: optimizer steps in an epoch, >= 1.
            epochs: epochs in the run, >= 1.
        """


@dataclass(frozen=True)
class Constant:
    """The base learning rate throughout."""

    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """1 for every step."""
        return 1.0


@dataclass(frozen=True)
class Cosine:
    """Half a cosine from 1 down to ``final``, after a linear rise if wanted.

    With T steps in the run, W = warmup T (rounded) of them rising, and s the step::

        s < W:   (s + 1) / (W + 1)
        s >= W:  final + (1 - final) (1 + cos(pi (s - W) / (T - W))) / 2

    Without warmup this is ``torch.optim.lr_scheduler.CosineAnnealingLR`` with T_max = T, stepped
    once for each batch: ``final`` would be reached one step after the last.

    Args:
        final: factor at the end, >= 0.
        warmup: part of the run that rises, from 0 to 1.

    Raises:
        ArgumentError: an argument out of its range.

    Source: Loshchilov and Hutter, SGDR, 2017, https://arxiv.org/abs/1608.03983, equation 5.
    """

    final: float = 0.0
    warmup: float = 0.0

    def __post_init__(self) -> None:
        number("Cosine", "final", self.final, minimum=0)
        number("Cosine", "warmup", self.warmup, minimum=0, maximum=1)

    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """The rise, then the fall."""
        total = steps_per_epoch * epochs
        rising = round(self.warmup * total)
        if step < rising:
            return (step + 1) / (rising + 1)
        return _half_cosine(1.0, self.final, (step - rising) / (total - rising))


@dataclass(frozen=True)
class OneCycle:
    """Half a cosine from ``initial`` up to 1, then half a cosine down to ``final``.

    With T steps in the run, the peak is at step warmup T - 1 (between two steps, if that is no
    integer) and ``final`` is the factor of the last step. The defaults are those of
    ``torch.optim.lr_scheduler.OneCycleLR`` with max_lr the base learning rate: div_factor 25 and
    final_div_factor 10^4. Only the learning rate is cycled; torch's also cycles the momentum unless
    told not to.

    Args:
        warmup: part of the run that rises, from 0 to 1.
        initial: factor of the first step, >= 0.
        final: factor of the last step, >= 0.

    Raises:
        ArgumentError: an argument out of its range.

    Source: Smith and Topin, Super-Convergence, 2018, https://arxiv.org/abs/1708.07120;
        https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.OneCycleLR.html
    """

    warmup: float = 0.3
    initial: float = 0.04
    final: float = 4e-6

    def __post_init__(self) -> None:
        number("OneCycle", "warmup", self.warmup, minimum=0, maximum=1)
        number("OneCycle", "initial", self.initial, minimum=0)
        number("OneCycle", "final", self.final, minimum=0)

    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """The rise, the peak, the fall."""
        last = steps_per_epoch * epochs - 1
        peak = self.warmup * (last + 1) - 1
        if step < peak:
            return _half_cosine(self.initial, 1.0, step / peak)
        if step > peak:
            return _half_cosine(1.0, self.final, (step - peak) / (last - peak))
        return 1.0


@dataclass(frozen=True)
class Step:
    """``factor`` once more after every ``every`` epochs: factor^floor(epoch / every).

    The same as ``torch.optim.lr_scheduler.StepLR``, stepped once for each epoch.

    Args:
        every: epochs from one change to the next, >= 1.
        factor: what the learning rate is then multiplied by, >= 0.

    Raises:
        ArgumentError: an argument out of its range.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.optim.lr_scheduler.StepLR.html
    """

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        positive_int("Step", "every", self.every)
        number("Step", "factor", self.factor, minimum=0)

    def __call__(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """The factor of the epoch that the step is in."""
        epoch = step // steps_per_epoch
        return float(self.factor ** (epoch // self.every))


def _half_cosine(start: float, end: float, fraction: float) -> float:
    """From ``start`` at fraction 0 to ``end`` at fraction 1."""
    return end + (start - end) * (1 + math.cos(math.pi * fraction)) / 2
