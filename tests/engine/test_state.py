"""Torch's settings of the calling thread: results are the same in each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import torch
from torch import Tensor

from tests.engine.layers import Centred, Scale
from zoo.engine import lower
from zoo.engine.conv import plans
from zoo.engine.parallel import sharded
from zoo.engine.parallel.threads import num_threads
from zoo.nn import MSE, Conv2d, Module, ReLU, Sequential, Upsampling
from zoo.optim import SGD
from zoo.train import TrainStep


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


STATES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "float64 by default": lambda: default_dtype(torch.float64),
}

pytestmark = [
    pytest.mark.parametrize("state", STATES),
    pytest.mark.parametrize("threads", [1, 2]),
]


@pytest.fixture(autouse=True)
def small_microbatches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "MIN_FAST_MACS", 0)
    monkeypatch.setattr(sharded, "MIN_SHARDED_BYTES", 0)
    monkeypatch.setattr(sharded, "MICROBATCH_BYTES", 2**15)


def network(layer: Module) -> Sequential:
    draws = torch.Generator().manual_seed(0)
    first = Conv2d(3, 8, 3, 2, padding=1, generator=draws)
    return Sequential(first, ReLU(), layer, Upsampling(8, 3, 3, padding=1, generator=draws))


def trained(layer: type[Module], state: AbstractContextManager[object]) -> list[Tensor]:
    """The losses of some steps, float32, and the state after them."""
    model = network(layer())
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.1, momentum=0.9), warn=pytest.fail)
    draws = torch.Generator().manual_seed(1)
    batches = [torch.rand(2, 6, 3, 16, 16, generator=draws, dtype=torch.float32) for _ in range(7)]
    with state:
        losses = [step(*batch) for batch in batches]
    return [*losses, *(value.clone() for value in model.state_dict().values())]


@pytest.mark.parametrize("layer", [Scale, Centred])
def test_training(layer: type[Module], threads: int, state: str) -> None:
    with num_threads(threads):
        expected = trained(layer, torch.enable_grad())
        found = trained(layer, STATES[state]())
    assert [tensor.dtype for tensor in found] == [tensor.dtype for tensor in expected]
    assert all(map(torch.equal, found, expected))
    assert not any(tensor.requires_grad for tensor in found)


@pytest.mark.parametrize("layer", [Scale, Centred])
def test_evaluation(layer: type[Module], threads: int, state: str) -> None:
    """First in one state, then outside of it, and in it again: what is recorded serves all."""
    fast = lower(network(layer()).eval())
    x = torch.rand(5, 3, 16, 16)
    with num_threads(threads):
        expected = [lower(network(layer()).eval()).forward(x) for _ in range(7)]
        with STATES[state]():
            found = [fast.forward(x) for _ in range(3)]
        found += [fast.forward(x) for _ in range(3)]
        with STATES[state]():
            found.append(fast.forward(x))
    assert all(map(torch.equal, found, expected))


def test_passes_there_and_back(threads: int, state: str) -> None:
    """Of a lowered model in training mode, as a user may call them."""

    def passes(context: AbstractContextManager[object]) -> list[Tensor]:
        model = network(Scale())
        fast, x = lower(model), torch.ones(5, 3, 16, 16)
        with context:
            results = [fast.forward(x), fast.backward(x)]
        return [*results, *(gradient for _, gradient in model.param())]

    with num_threads(threads):
        assert all(map(torch.equal, passes(STATES[state]()), passes(torch.enable_grad())))
