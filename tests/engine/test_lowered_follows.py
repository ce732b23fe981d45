"""A lowered network computes what the model computes, whatever happens to the model meanwhile."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo.engine import lower
from zoo.engine.parallel.threads import num_threads
from zoo.errors import ArgumentError
from zoo.nn import (
    MSE,
    Conv2d,
    Module,
    NearestUpsampling,
    Parameter,
    ReLU,
    Sequential,
    Upsampling,
    all_gather,
)
from zoo.optim import SGD
from zoo.train import TrainStep

WHOLE, SHARDED = 2, 16  # images of 32x32: a batch that is recorded as it is, and one in two shards


class Layer(Module):
    """Gives back its input; what it does besides is for a subclass to say."""

    batch_independent = True

    def forward(self, x: Tensor) -> Tensor:
        self.save(x.shape)
        return x * self.factor(x)

    def factor(self, x: Tensor) -> Any:
        return 1

    def backward(self, grad_y: Tensor) -> Tensor:
        return grad_y * 1

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        return tuple(input_shape)


def conv(cin: int, cout: int, seed: int = 0) -> Conv2d:
    return Conv2d(cin, cout, 3, padding=1, generator=torch.Generator().manual_seed(seed))


def network(*layers: Module) -> Sequential:
    return Sequential(conv(3, 16, 1), ReLU(), *layers, conv(16, 3, 2))


def batch(n: int, seed: int = 0) -> Tensor:
    return torch.rand(n, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def _two_threads() -> Any:
    with num_threads(2):
        yield


class Textbook:
    """The same steps as the textbook takes them, on a copy of the model."""

    def __init__(self, model: Module) -> None:
        self.model = copy.deepcopy(model)
        self.loss = MSE()
        self.optimizer = SGD(self.model.param(), lr=0.1)

    def __call__(self, x: Tensor, target: Tensor) -> Tensor:
        self.optimizer.zero_grad()
        loss = self.loss(self.model.forward(x), target)
        self.model.backward(self.loss.backward())
        self.optimizer.step()
        return loss


def assert_same_steps(
    model: Module,
    n: int,
    between: Callable[[Module, int], object] = lambda model, step: None,
    steps: int = 9,
) -> None:
    textbook = Textbook(model)
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.1))
    for number in range(steps):
        between(model, number)
        between(textbook.model, number)
        x = batch(n, number)
        torch.testing.assert_close(step(x, x.flip(-1)), textbook(x, x.flip(-1)))
    for name, value in textbook.model.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name], value, rtol=1e-4, atol=1e-5)


def assert_same_inference(
    model: Module, n: int, change: Callable[[Module], object], rounds: int = 6
) -> None:
    model.eval()
    fast = lower(model)
    for number in range(rounds):
        torch.testing.assert_close(fast(batch(n, number)), model(batch(n, number)))
    change(model)
    for number in range(rounds):
        torch.testing.assert_close(fast(batch(n, number)), model(batch(n, number)))


class ReadsInBackward(Layer):
    """Clips its gradient by a number that it reads, so that the pass cannot be recorded."""

    def backward(self, grad_y: Tensor) -> Tensor:
        return grad_y / 2 if float(grad_y.norm()) > 1e9 else grad_y * 1


@pytest.mark.parametrize("n", [WHOLE, SHARDED])
def test_an_attempt_to_record_that_fails_in_backward_changes_no_gradient(n: int) -> None:
    assert_same_steps(network(ReadsInBackward()), n)


class RaisesOnce(Layer):
    def __init__(self, at: int) -> None:
        super().__init__()
        self.calls, self.at = count(1), at

    def backward(self, grad_y: Tensor) -> Tensor:
        if next(self.calls) == self.at:
            raise ValueError("once")
        return grad_y * 1


def test_an_error_in_the_attempt_changes_no_gradient() -> None:
    model = network(RaisesOnce(7))  # after two that measure, three ordinary ones, and a fourth
    textbook = Textbook(network(Layer()))
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.1))
    for number in range(7):
        x = batch(WHOLE, number)
        torch.testing.assert_close(step(x, x), textbook(x, x))


def test_lowering_a_part_in_another_order_does_not_cut_off_the_replicas() -> None:
    model = Sequential(conv(3, 16), ReLU(), NearestUpsampling(2), conv(16, 3))
    textbook = Textbook(model)
    step = TrainStep(model, MSE(), SGD(model.param(), lr=0.1))
    lower(model[3])
    for number in range(5):
        x = batch(SHARDED, number)
        target = torch.zeros(SHARDED, 3, 64, 64)
        torch.testing.assert_close(step(x, target), textbook(x, target))


@pytest.mark.parametrize("n", [WHOLE, SHARDED])
def test_replaced_values_are_followed(n: int) -> None:
    def swap(model: Module, step: int) -> None:
        if step in (3, 6):  # as an exponential moving average swaps weights
            value = torch.rand(16, 3, 3, 3, generator=torch.Generator().manual_seed(step)) - 0.5
            next(model.modules()).children["0"].parameters["weight"].value = value

    assert_same_steps(network(), n, swap)


def replace_parameter(model: Module) -> None:
    value = torch.rand(16, 3, 3, 3, generator=torch.Generator().manual_seed(5)) - 0.5
    model.children["0"].parameters["weight"] = Parameter(value)


def replace_buffer(model: Module) -> None:
    model.children["2"].buffers["scale"] = torch.tensor(5.0)


class Scaled(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.buffers["scale"] = torch.tensor(2.0)

    def factor(self, x: Tensor) -> Tensor:
        return self.buffers["scale"]


@pytest.mark.parametrize("n", [WHOLE, SHARDED])
@pytest.mark.parametrize("change", [replace_parameter, replace_buffer])
def test_replaced_tensors_are_followed_in_evaluation(
    n: int, change: Callable[[Module], object]
) -> None:
    assert_same_inference(network(Scaled()), n, change)


@pytest.mark.parametrize("n", [WHOLE, SHARDED])
def test_a_parameter_that_two_layers_share_has_its_gradient_once(n: int) -> None:
    first, second = conv(16, 16, 3), conv(16, 16, 4)
    second.parameters["weight"] = first.parameters["weight"]
    model = network(first, ReLU(), second, ReLU())
    assert len(model.param()) == 7
    assert_same_steps(model, n)


class Centred(Layer):
    """Takes away a running mean of all batches, which each batch moves first."""

    batch_independent = False
    uses_batch_statistics = True

    def __init__(self, replaces: bool = False) -> None:
        super().__init__()
        self.replaces = replaces
        self.buffers["mean"] = torch.zeros(())

    def forward(self, x: Tensor) -> Tensor:
        self.save(x.shape)
        mean, latest = self.buffers["mean"], all_gather(x.mean()).mean()
        if self.replaces:
            self.buffers["mean"] = mean * 0.9 + latest * 0.1
        else:
            mean.mul_(0.9).add_(latest, alpha=0.1)
        return x - self.buffers["mean"]


def load(model: Module, step: int) -> None:
    if step == 3:
        model.load_state_dict({name: value * 0.5 for name, value in model.state_dict().items()})


def fewer_threads(model: Module, step: int) -> None:
    torch.set_num_threads(1 if 3 <= step < 6 else 2)


@pytest.mark.parametrize("between", [load, fewer_threads])
def test_replicas_have_the_buffers_that_the_model_has(
    between: Callable[[Module, int], object],
) -> None:
    assert_same_steps(network(Centred()), SHARDED, between)


def test_a_layer_that_replaces_its_buffer_is_asked_for_its_memory_without_a_trace() -> None:
    assert_same_steps(network(Centred(replaces=True)), SHARDED)


class Draws(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.generator = torch.Generator().manual_seed(7)

    def factor(self, x: Tensor) -> Tensor:
        return torch.rand((), generator=self.generator) + 0.5

    def __deepcopy__(self, memo: dict[int, Any]) -> Draws:
        return Draws()


class CountsInAList(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.calls = [0]

    def factor(self, x: Tensor) -> float:
        self.calls[0] += 1
        return 2.0 if self.calls[0] % 7 == 0 else 1.0


class Remembers(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.state: dict[str, Tensor] = {"last": torch.ones(())}

    def factor(self, x: Tensor) -> Tensor:
        last, self.state["last"] = self.state["last"], 1 + x.mean()
        return last


class MovesATensor(Layer):
    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.ones(())

    def factor(self, x: Tensor) -> Tensor:
        return self.scale.add_(0.1) * 1


def by_numpy(x: Tensor) -> bool:
    return bool(np.abs(x.numpy()).max() > 3)


def by_list(x: Tensor) -> bool:
    return max(x.abs().flatten().tolist()) > 3


def by_equality(x: Tensor) -> bool:
    return not torch.equal(x.clamp(-3, 3), x)


def by_places(x: Tensor) -> bool:
    return len((x.abs() > 3).nonzero()) > 0


class Decides(Layer):
    """Halves what has an outlier, which it finds in its own way."""

    def __init__(self, has_outlier: Callable[[Tensor], bool]) -> None:
        super().__init__()
        self.has_outlier = has_outlier

    batch_independent = False

    def forward(self, x: Tensor) -> Tensor:
        self.save(x.shape)
        return x * (0.5 if self.has_outlier(x) else 1.0)


@pytest.mark.parametrize("layer", [Draws, CountsInAList, Remembers, MovesATensor])
def test_a_layer_with_a_state_of_its_own_is_not_recorded(layer: type[Module]) -> None:
    class Alone(layer):  # type: ignore[misc, valid-type]
        batch_independent = False

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = super().forward(x)
            return y

    model = network(layer())
    assert_same_steps(network(Alone()) if layer is not Draws else model, WHOLE, steps=16)


@pytest.mark.parametrize("has_outlier", [by_numpy, by_list, by_equality, by_places])
def test_a_decision_by_the_values_is_not_recorded(has_outlier: Callable[[Tensor], bool]) -> None:
    model = network(Decides(has_outlier)).eval()
    fast = lower(model)
    for number in range(8):
        x = batch(WHOLE, number) * (100 if number == 6 else 1)
        torch.testing.assert_close(fast(x), model(x))


def test_several_threads_may_call_it() -> None:
    model = network().eval()
    fast = lower(model)
    for n in (1, SHARDED):
        for _ in range(6):
            fast(batch(n))
        inputs = [batch(n, seed) for seed in range(40)]
        with ThreadPoolExecutor(4) as pool:
            for x, y in zip(inputs, pool.map(fast, inputs), strict=True):
                torch.testing.assert_close(y, model(x))


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda module: pickle.loads(pickle.dumps(module))]
)
def test_a_copy_computes_with_weights_of_its_own(copied: Callable[[Module], Module]) -> None:
    model = network().eval()
    fast = lower(model)
    for n in (WHOLE, SHARDED):
        for _ in range(6):
            fast(batch(n))
    twin = copied(fast)
    expected = fast(batch(WHOLE))
    model.children["0"].set_weight(torch.zeros(16, 3, 3, 3))
    torch.testing.assert_close(twin(batch(WHOLE)), expected)


def test_a_forward_of_one_object_is_its_own() -> None:
    layer = conv(16, 16)
    plain = layer.forward
    layer.forward = lambda x: 2 * plain(x)  # type: ignore[method-assign]
    model = network(layer).eval()
    torch.testing.assert_close(lower(model)(batch(SHARDED)), model(batch(SHARDED)))


def test_weight_and_bias_are_the_models() -> None:
    layer = Upsampling(3, 4, 3)
    fast = lower(layer)
    assert fast.weight is layer.weight
    assert fast.bias is layer.bias


def test_what_is_no_module() -> None:
    with pytest.raises(ArgumentError) as error:
        lower(torch.nn.Conv2d(3, 3, 3))  # type: ignore[arg-type]
    assert str(error.value) == "lower: the model is a Conv2d. Use a module of zoo.nn."


def test_it_says_what_it_is() -> None:
    assert repr(lower(ReLU())) == "Lowered(ReLU())"
