"""What a lowered model is to its user: a module that shares everything with the model."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from tests.engine.layers import Counts, ReadsANumber, Residual, Scale
from zoo.engine import lower, lowered
from zoo.engine.capture.graphed import WARM_UP
from zoo.engine.conv import plans
from zoo.errors import BackwardError, ZooError
from zoo.nn import (
    Conv2d,
    ConvTranspose2d,
    Linear,
    Module,
    NearestUpsampling,
    ReLU,
    Sequential,
    Sigmoid,
    Upsampling,
)


def network(*more: Module) -> Sequential:
    draws = torch.Generator().manual_seed(0)
    return Sequential(
        Conv2d(3, 16, 3, stride=2, padding=1, generator=draws),
        ReLU(),
        *more,
        Upsampling(16, 3, 3, padding=1, generator=draws),
    )


class CountsInPython(Scale):
    """Counts its calls where no recording sees them."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: deque[int] = deque()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.calls.append(len(x))
        return super().forward(x)


def test_parameters_buffers_and_names_are_the_models_own() -> None:
    model = network(Scale())
    fast = lower(model)
    assert list(map(id, fast.param())) == list(map(id, model.param()))
    assert fast.state_dict().keys() == model.state_dict().keys()
    for name, tensor in fast.state_dict().items():
        assert tensor is model.state_dict()[name]
    assert list(fast.modules())[1:] == list(model.modules())[1:]
    assert fast.output_shape((3, 8, 8)) == model.output_shape((3, 8, 8)) == (3, 8, 8)


def test_weights_keep_their_shapes_and_numbers() -> None:
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model[0].parameters["weight"].add_gradient(torch.ones(16, 3, 3, 3))
    lower(model)
    for name, value in model.state_dict().items():
        assert value.equal(before[name])
    assert model[0].parameters["weight"].gradient.equal(torch.ones(16, 3, 3, 3))


def test_modes_and_dtypes_of_either_change_both() -> None:
    model = network()
    fast = lower(model)
    assert fast.training
    assert fast.eval() is fast
    assert not any(module.training for module in model.modules())
    model.train()
    assert fast.training
    fast.to(torch.float64)
    assert {parameter.value.dtype for parameter in model.param()} == {torch.float64}
    x = torch.rand(2, 3, 8, 8).double()
    torch.testing.assert_close(fast.forward(x), model.forward(x))


def test_replays_call_no_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = CountsInPython()
    model = network(layer).eval()
    fast, x = lower(model), torch.rand(1, 3, 32, 32)
    for _ in range(WARM_UP + 1):
        expected = fast.forward(x)
    layer.calls.clear()
    assert all(fast(x).equal(expected) for _ in range(5))
    assert not layer.calls
    fast.forward(torch.rand(1, 3, 8, 8))
    assert list(layer.calls) == [1]  # another shape


def test_results_are_tensors_of_their_own() -> None:
    fast = lower(network().eval())
    images = [torch.full((1, 3, 8, 8), float(value)) for value in range(8)]
    results = [fast(x) for x in images]
    again = [fast(x) for x in images]
    assert all(map(torch.equal, results, again))
    assert not results[6].equal(results[7])


def test_large_images_are_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lowered, "MAX_INFERENCE_BYTES", 1000)
    layer = CountsInPython()
    model = network(layer).eval()
    fast, x = lower(model), torch.rand(1, 3, 32, 32)
    for _ in range(WARM_UP + 3):
        fast(x)
    layer.calls.clear()
    assert fast(x).equal(model.forward(x))
    assert len(layer.calls) == 2


@pytest.mark.parametrize("layer", [ReadsANumber, Counts])
def test_what_cannot_be_recorded_is_run(layer: type[Module]) -> None:
    model, textbook = network(layer()).eval(), network(layer()).eval()
    fast = lower(model)
    draws = torch.Generator().manual_seed(1)
    for _ in range(WARM_UP + 1):  # then it is tried to be recorded once, which Counts counts, too
        x = torch.rand(2, 3, 8, 8, generator=draws)
        torch.testing.assert_close(fast(x), textbook.forward(x))


def test_there_is_no_way_back_from_evaluation() -> None:
    fast, x = lower(network()), torch.rand(1, 3, 8, 8)
    fast.forward(x)
    fast.clear_saved()
    with pytest.raises(BackwardError):
        fast.backward(x)
    fast.forward(x)
    fast.eval().forward(x)
    with pytest.raises(BackwardError):
        fast.backward(x)


LAYERS: list[Callable[[], Module]] = [
    lambda: Conv2d(2, 3, 3, 2),
    lambda: ConvTranspose2d(2, 3, 3),
    lambda: Upsampling(2, 3, 3),
    lambda: NearestUpsampling(2),
    lambda: Linear(5, 3),
    ReLU,
    Sigmoid,
    lambda: Sequential(NearestUpsampling(2), Conv2d(2, 3, 3), ReLU()),
    lambda: Sequential(ReLU(), Conv2d(2, 3, 3), Conv2d(3, 2, 1)),
    lambda: Residual(Sequential(Conv2d(2, 2, 1), Sigmoid())),
    Scale,
]


def refused(module: Module, tensor: Tensor, method: str = "forward") -> str:
    """The error that a call must end in."""
    with pytest.raises(ZooError) as error:
        getattr(module, method)(tensor)
    return f"{type(error.value).__name__}: {error.value}"


def without_name(words: str) -> str:
    """Of a convolution and the activation behind it either may be named on the way back."""
    return re.sub("(ReLU|Sigmoid|Conv2d)", "layer", words)


@pytest.mark.parametrize("fast_path", [False, True], ids=["textbook", "fast"])
@pytest.mark.parametrize("make", LAYERS)
def test_what_is_refused_is_refused_in_the_textbooks_words(
    make: Callable[[], Module], fast_path: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "MIN_FAST_MACS", 0 if fast_path else 2**60)
    model, textbook = make(), make()
    fast = lower(model)
    grad_y = torch.ones(1, 1, 1, 1)
    for _ in range(2):  # without a forward pass, then with another shape
        found, expected = (refused(module, grad_y, "backward") for module in (fast, textbook))
        assert without_name(found) == without_name(expected)
        for shape in ((1, 4, 4, 3), (4, 5), (1, 2, 0, 1)):
            if not accepts(textbook, shape):
                found, expected = (
                    refused(module, torch.ones(shape)) for module in (fast, textbook)
                )
                assert found == expected
        x = torch.ones(1, 2, 4, 5)
        fast.forward(x)
        textbook.forward(x)


def accepts(module: Module, shape: tuple[int, ...]) -> bool:
    try:
        module.forward(torch.ones(shape))
    except ZooError:
        return False
    module.clear_saved()
    return True


def test_a_model_without_parameters_and_the_empty_chain() -> None:
    x = torch.randn(2, 3, 4, 4)
    assert lower(Sequential()).forward(x).equal(x)
    fast = lower(Sequential(ReLU()).eval())
    assert all(fast.forward(x).equal(x.clamp(min=0)) for _ in range(WARM_UP + 3))
