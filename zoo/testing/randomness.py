"""Where random numbers come from: the generator that is given, and no other."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from zoo.testing.comparisons import require


@contextmanager
def no_global_generator(where: str) -> Iterator[None]:
    """Fail where something draws from torch's, numpy's or Python's global generator."""
    before = _states()
    yield
    for name, state in _states().items():
        require(
            _same(state, before[name]),
            f"{where}: {name}'s global generator is used. Use the one that is given.",
        )


def _states() -> dict[str, tuple[Any, ...]]:
    name, *numpy = np.random.get_state()
    return {
        "torch": (torch.get_rng_state().numpy(),),
        "numpy": (name, *numpy),
        "Python": random.getstate(),
    }


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
