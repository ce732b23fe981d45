"""The lowered network computes what the textbook one does: random networks, in every way of use.

This one test stands for all that the engine does. Small networks go the ways of large ones: the
constants that decide about that are the only things that are replaced here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from copy import deepcopy
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.draws import draws
from tests.engine.layers import Counts, Noisy
from tests.engine.networks import DTYPE, OWN, Case, cases
from zoo.engine import lower
from zoo.errors import ShapeError
from zoo.nn import MSE, Module
from zoo.optim import SGD, Adam
from zoo.train import TrainStep

TOLERANCE = 1e-10
STEPS = 20

# torch says so once for each process where "same" needs one zero more on one side.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Using padding='same'"),
    pytest.mark.usefixtures("new_memory_is_no_number"),
]


@pytest.fixture(autouse=True)
def with_lowerings_of_plugins(no_plugins: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plugins that are installed take part, their lowerings too."""
    monkeypatch.delenv("ZOO_PLUGINS")


MODES: dict[str, Callable[[], Any]] = {
    "as it is": nullcontext,
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "float64 by default": lambda: default_dtype(torch.float64),
}


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def few_or(many: int, few: int) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("examples", [few, pytest.param(many, marks=pytest.mark.slow)])


def run(examples: int, check: Callable[..., None], *strategies: st.SearchStrategy[Any]) -> None:
    """Check so many examples."""
    draws(examples)(given(*strategies)(check))()


def assert_close(found: Any, expected: Any, what: str) -> None:
    def message(text: str) -> str:
        return f"{what}: {text}"

    torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=TOLERANCE, msg=message)


def gradients(model: Module) -> list[Tensor]:
    return [parameter.gradient.clone() for parameter in model.param()]


@contextmanager
def same_draws() -> Iterator[None]:
    """The same numbers of torch's global generator for both networks."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(7)
        yield


@few_or(600, few=120)
def test_forward_and_backward(examples: int) -> None:
    """Outputs, all gradients and buffers; backward twice adds; without a batch axis, too."""

    def check(case: Case, unbatched: bool) -> None:
        textbook = deepcopy(case.model)
        fast = lower(case.model)
        with case.as_large():
            for seed in range(2):
                x = case.images(seed=seed)[0] if unbatched else case.images(seed=seed)
                kept = x.clone()
                try:
                    with same_draws():
                        y = textbook.forward(x)
                except ShapeError:  # one image of one pixel has no variance
                    with pytest.raises(ShapeError):
                        fast.forward(x)
                    return
                with same_draws():
                    found = fast.forward(x)
                assert_close(found, y, "output")
                grad_y = torch.randn(y.shape, dtype=DTYPE)
                given_out = found.clone()
                for _ in range(2):
                    grad_x = textbook.backward(grad_y)
                    assert_close(fast.backward(grad_y), grad_x, "input gradient")
                    assert_close(gradients(case.model), gradients(textbook), "gradients")
                assert x.equal(kept)
                assert found.equal(given_out)
            assert_close(case.model.state_dict(), textbook.state_dict(), "state")

    run(examples, check, cases(), st.booleans())


@few_or(150, few=40)
def test_weights_after_20_steps(examples: int) -> None:
    """Losses, weights, buffers: recorded or not, in shards of unequal size or as a whole."""

    def check(case: Case, mode: str, capture: bool, adam: bool) -> None:
        textbook, fast = deepcopy(case.model), lower(case.model)
        make: Callable[..., Any] = Adam if adam else SGD
        options: dict[str, float] = {"lr": 0.01} if adam else {"lr": 0.01, "momentum": 0.9}
        optimizer = make(textbook.param(), **options)
        loss = MSE()
        with case.as_large(), MODES[mode](), torch.random.fork_rng(devices=[]):
            step = TrainStep(
                case.model, MSE(), make(case.model.param(), **options), capture=capture
            )
            for number in range(STEPS):
                few = number % 4 == 3  # the last batch of an epoch
                x = case.images(max(1, case.batch - 2) if few else case.batch, number)
                target = torch.randn(len(x), *textbook.output_shape(case.shape), dtype=DTYPE)
                state = torch.get_rng_state()
                expected = loss.forward(textbook.forward(x), target)
                textbook.zero_grad()
                textbook.backward(loss.backward())
                optimizer.step()
                torch.set_rng_state(state)
                assert_close(step(x, target), expected, f"loss of step {number}")
        assert_close(case.model.state_dict(), textbook.state_dict(), "state")
        assert_close(gradients(case.model), gradients(textbook), "gradients")
        x = case.images()
        case.model.eval()
        with same_draws():
            y = textbook.eval().forward(x)
        with same_draws():
            assert_close(fast.forward(x), y, "evaluation")

    run(examples, check, cases(), st.sampled_from(list(MODES)), st.booleans(), st.booleans())


def in_evaluation() -> list[Callable[[], Module]]:
    """A count of forward passes, and random numbers, differ where there are other passes."""
    return [make for make in OWN if make not in (Counts, Noisy)]


@few_or(250, few=60)
def test_evaluation(examples: int) -> None:
    """Several calls of one shape, other shapes, changed weights and modes, another dtype."""

    def check(case: Case, mode: str, changed: int) -> None:
        model = case.model.eval()
        fast = lower(model)
        with case.as_large(), MODES[mode]():
            textbook = deepcopy(model)

            def same(what: str, batch: int | None = None, times: int = 1) -> None:
                for seed in range(times):
                    x = case.images(batch, seed).to(model_dtype(model))
                    assert_same(fast.forward(x), textbook.forward(x), what)
                    assert_same(fast.forward(x[0]), textbook.forward(x[0]), f"{what}, one image")

            same("first calls", times=4)
            same("another shape", case.batch + 2, times=3)
            same("the first shape again", times=2)
            for parameter, other in zip(model.param(), textbook.param(), strict=True):
                parameter.value.mul_(0.5)
                other.value.mul_(0.5)
            same("changed weights", times=2)
            for network in (model, textbook):
                inside = list(network.modules())
                inside[changed % len(inside)].train()
            if not model.training:
                same("a layer in training mode", times=3)
            for network in (model, textbook):
                network.train()
            x = case.images().to(model_dtype(model))
            assert_same(fast.forward(x), textbook.forward(x), "in training mode")
            for network in (model, textbook):
                network.eval()
            same("evaluation again", times=2)
            for network in (model, textbook):
                network.to(torch.float32)
            if mode != "autocast":  # which makes the textbook's products bfloat16
                same("float32", times=3)
            assert_same(model.state_dict(), textbook.state_dict(), "state")

    run(examples, check, cases(in_evaluation()), st.sampled_from(list(MODES)), st.integers(0, 9))


def model_dtype(model: Module) -> torch.dtype:
    return model.param()[0].value.dtype


def assert_same(found: Any, expected: Any, what: str) -> None:
    tensors = list(expected.values()) if isinstance(expected, dict) else [expected]
    if any(tensor.dtype == torch.float32 for tensor in tensors):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    else:
        assert_close(found, expected, what)
