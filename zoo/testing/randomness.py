"""Where random numbers come from: the generator that is given, or a layer's, torch's own."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from zoo.testing.cases import LayerCase
from zoo.testing.comparisons import NotApplicable, require, require_close


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


def check_random(case: LayerCase) -> None:
    """A layer that is ``random`` draws in ``forward``, in training, from torch's global generator.

    From the same state of it the same comes out, so that a run can be repeated and resumed: zoo
    keeps that state. ``backward`` draws nothing. In evaluation mode nothing is drawn, each item of
    a batch is treated as it is alone, and strides and dtypes make no difference.
    """
    if not case.random:
        raise NotApplicable("random is False")
    module, x = case.drawing(), case.input()
    before = _states()
    with torch.random.fork_rng(devices=[]):
        outputs = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            outputs.append(module.forward(x).clone())
        after = torch.get_rng_state()
        module.backward(torch.ones_like(outputs[0]))
        drawn = not torch.equal(torch.get_rng_state(), after)
        require(not drawn, f"{case.id}: backward draws. Keep what forward has drawn with save.")
    first, again, other = outputs
    where = f"{case.id}: forward from the same state of torch's generator"
    require_close(where, again, first, 0)
    require(
        not other.equal(first),
        f"{case.id}: random is True, but forward gives the same from another state of torch's "
        "global generator. Draw from that, or leave random out.",
    )
    for name in ("numpy", "Python"):
        same = _same(_states()[name], before[name])
        require(same, f"{case.id}: {name}'s global generator is used. Use torch's.")
    _check_evaluation(case)


def _check_evaluation(case: LayerCase) -> None:
    module, x = case.drawing().eval(), case.input()
    with no_global_generator(f"{case.id}: in evaluation mode"):
        y = module.forward(x)
    where = f"{case.id}: in evaluation mode"
    if not case.mixes_batch:
        for item in range(len(x)):
            one = slice(item, item + 1)
            require_close(f"{where}, item {item} alone", module.forward(x[one]), y[one])
    turned = x.transpose(0, -1).contiguous().transpose(0, -1)
    require_close(f"{where}, transposed input", module.forward(turned), y)
    narrow = case.drawing(dtype=torch.float32).eval().forward(x.float())
    require_close(f"{where}, float32 against float64", narrow.double(), y, 1e-4)


def _states() -> dict[str, tuple[Any, ...]]:
    name, *numpy = np.random.get_state()
    return {
        "torch": (torch.get_rng_state().numpy(),),
        "numpy": (name, *numpy),
        "Python": random.getstate(),
    }


def _same(one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
