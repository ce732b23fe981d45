"""What is used of torch that torch does not promise to keep: done without, it is only slower."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from zoo.engine import lower
from zoo.engine.capture import private
from zoo.engine.capture.torchscript import AtenCall, Program
from zoo.nn import MSE, Conv2d, ReLU, Sequential
from zoo.optim import SGD
from zoo.train import TrainStep


@pytest.fixture
def no_torchscript(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A torch whose TorchScript is gone."""

    def gone(text: str) -> None:
        raise RuntimeError("TorchScript is gone.\nUse something else.")

    private.script_problem.cache_clear()
    monkeypatch.setattr(torch.jit, "CompilationUnit", gone)
    yield
    private.script_problem.cache_clear()


def trained() -> tuple[list[torch.Tensor], list[str]]:
    """The losses of some recorded steps, the weights after them, and what was warned of."""
    draws = torch.Generator().manual_seed(0)
    layers = Conv2d(3, 8, 3, padding=1, generator=draws), Conv2d(8, 3, 1, generator=draws)
    model, warnings = Sequential(layers[0], ReLU(), layers[1]), list[str]()
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.1), warn=warnings.append)
    losses = [step(*torch.rand(2, 4, 3, 8, 8, generator=draws)) for _ in range(7)]
    return [*losses, *model.state_dict().values()], warnings


def test_this_torch_has_torchscript() -> None:
    assert private.script_problem() == ""


@pytest.mark.usefixtures("no_torchscript")
def test_without_torchscript_results_are_the_same_and_it_is_told_once() -> None:
    _, warnings = trained()
    assert warnings == [
        "recorded steps are run by Python, which is slower: RuntimeError: TorchScript is gone."
    ]
    model = Sequential(Conv2d(3, 3, 1))
    x = torch.rand(1, 3, 4, 4)
    fast = lower(model.eval())
    assert all(fast.forward(x).equal(model.forward(x)) for _ in range(6))
    program = Program([AtenCall("add_", (x, 1), {})] * 3)
    assert program.by_python == 3
    before = x.clone()
    program()
    assert x.equal(before + 3)


def test_steps_without_torchscript_are_those_with_it(request: pytest.FixtureRequest) -> None:
    expected, warnings = trained()
    assert warnings == []
    request.getfixturevalue("no_torchscript")
    assert all(map(torch.equal, trained()[0], expected))


@pytest.mark.parametrize("optimised", [True, False])
def test_the_interpreters_setting_stays_as_it_was(optimised: bool) -> None:
    before = torch._C._get_graph_executor_optimize()
    torch._C._set_graph_executor_optimize(optimised)
    try:
        programs = [Program([AtenCall("add_", (torch.zeros(10), 1), {})] * 20) for _ in range(4)]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda program: [program() for _ in range(50)], programs))
        assert torch._C._get_graph_executor_optimize() is optimised
    finally:
        torch._C._set_graph_executor_optimize(before)
