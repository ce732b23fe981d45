"""Gradients that are told of while backward goes on are those of the whole step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from zoo.distributed.buckets import Buckets
from zoo.distributed.world import ALONE, Alone, World
from zoo.engine import lower
from zoo.engine.parallel.threads import num_threads
from zoo.nn import MSE, Conv2d, Sequential

CHANNELS = 264  # weights of 2.4 MiB, and the last vector of a line is not full


class Nothing:
    """An all-reduce of one rank."""

    def wait(self) -> None:
        """It has ended."""


class OneOfOne(Alone):
    """A rank that sums with nobody, in buckets as if it did."""

    size = 2

    def __init__(self) -> None:
        self._buckets: Buckets | None = None
        self.begun: list[int] = []  # buckets, before each average

    def buckets(self, gradients: Sequence[Tensor]) -> Buckets:
        if self._buckets is None:
            self._buckets = Buckets(gradients, gradients[0], lambda _: Nothing(), self.size)
        return self._buckets

    def average(self, loss: Tensor, gradients: Sequence[Tensor], count: float | Tensor) -> Tensor:
        buckets = self.buckets(gradients)
        self.begun.append(len(buckets._works))
        buckets.begin_all(loss, gradients, count, ())
        return buckets.result(gradients)[0]


def steps(world: World, threads: int, dtype: torch.dtype) -> list[list[Tensor]]:
    """The gradients of six steps."""
    draws = torch.Generator().manual_seed(0)
    widths = (16, CHANNELS, CHANNELS, CHANNELS, 16)
    model = Sequential(*(Conv2d(*pair, 3, padding=1) for pair in pairwise(widths))).to(dtype)
    for parameter in model.param():
        parameter.value.copy_(torch.rand(parameter.value.shape, generator=draws) - 0.5)
    step = lower(model).training_step(MSE(), lambda: None, world=world)
    found = []
    with num_threads(threads):
        for _ in range(6):
            x, target = torch.rand(2, 4, 16, 12, 12, generator=draws).to(dtype)
            step(x, target, divided=True)
            found.append([gradient.clone() for _, gradient in model.param()])
    return found


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("threads", [1, 2])
def test_gradients_are_whole(threads: int, dtype: torch.dtype) -> None:
    """In float32 by compiled kernels, where there are any."""
    world = OneOfOne()
    found, expected = steps(world, threads, dtype), steps(ALONE, threads, dtype)
    assert world.begun[0] == 0 < world.begun[-1]
    for gradients, alone in zip(found, expected, strict=True):
        for gradient, its in zip(gradients, alone, strict=True):
            torch.testing.assert_close(gradient, its, rtol=1e-6, atol=0)
