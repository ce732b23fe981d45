"""Steps computed by a copy of the network in bfloat16, whose weights stay in float32."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from zoo.engine.precision import Bfloat16Network
from zoo.nn import MSE, Conv2d, Module, Sequential, Sigmoid
from zoo.optim import Adam
from zoo.train import TrainStep


class Spy(Module):
    """Passes x through, and notes the dtypes that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[torch.dtype] = []
        self.buffers["mean"] = torch.zeros(4)

    def __deepcopy__(self, memo: dict[int, Any]) -> Spy:
        copied = Spy()
        copied.seen = self.seen
        return copied

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x.dtype)
        self.buffers["mean"].add_(x.mean((0, 2, 3)))
        return x

    def backward(self, grad_y: Tensor) -> Tensor:
        self.seen.append(grad_y.dtype)
        return grad_y


@pytest.fixture
def model() -> Sequential:
    draws = torch.Generator().manual_seed(1)
    return Sequential(
        Conv2d(3, 4, 3, padding=1, generator=draws),
        Spy(),
        Conv2d(4, 3, 3, padding=1, generator=draws),
        Sigmoid(),
    )


def all_float32(tensors: dict[str, Tensor]) -> bool:
    return all(tensor.dtype == torch.float32 for tensor in tensors.values())


def test_a_step_in_bfloat16(model: Sequential) -> None:
    optimizer = Adam(model.param(), lr=0.01)
    step = TrainStep(model, MSE(), optimizer, precision="bfloat16")
    draws = torch.Generator().manual_seed(2)
    x, target = (torch.rand(4, 3, 8, 8, generator=draws) for _ in "xt")
    losses = [step(x, target) for _ in range(60)]
    assert set(model[1].seen) == {torch.bfloat16}  # type: ignore[attr-defined]  # a Spy
    assert {loss.dtype for loss in losses} == {torch.float32}
    assert float(losses[-1]) < 0.8 * float(losses[0])
    assert all_float32(model.state_dict())
    assert all_float32({str(index): pair.gradient for index, pair in enumerate(model.param())})
    assert all(all_float32(state) for state in optimizer.state)
    assert (model.state_dict()["1.mean"] != 0).any()  # the running statistics are those of the copy


def test_gradients_are_those_of_float32_within_bfloat16s_rounding(model: Sequential) -> None:
    draws = torch.Generator().manual_seed(2)
    x, target = (torch.rand(4, 3, 8, 8, generator=draws) for _ in "xt")
    loss = MSE()
    loss.forward(model.forward(x), target)
    model.backward(loss.backward())
    expected = [parameter.gradient.clone() for parameter in model.param()]
    model.zero_grad()
    network = Bfloat16Network(model)
    y = network.forward(x)
    assert y.dtype == torch.float32
    loss.forward(y, target)
    network.backward_weights_only(loss.backward())
    for parameter, gradient in zip(model.param(), expected, strict=True):
        error = (parameter.gradient - gradient).norm() / gradient.norm()
        assert 0 < error < 0.1  # some roundings of 2^-8 each, in sums that cancel


class ReplacesItsBuffer(Module):
    def __init__(self) -> None:
        super().__init__()
        self.buffers["mean"] = torch.zeros(4)

    def forward(self, x: Tensor) -> Tensor:
        self.buffers["mean"] = 0.5 * self.buffers["mean"] + x.mean((0, 2, 3))
        return x


def test_buffers_that_a_layer_replaces_are_kept_in_float32() -> None:
    model = Sequential(ReplacesItsBuffer(), Conv2d(4, 1, 1))
    network = Bfloat16Network(model)
    for _ in range(2):
        network.forward(torch.ones(1, 4, 2, 2))
    mean = model.state_dict()["0.mean"]
    assert (mean.tolist(), mean.dtype) == ([1.5] * 4, torch.float32)


def test_updates_too_small_for_bfloat16_are_kept() -> None:
    """A weight of 1 has neighbours at 2^-7 in bfloat16: ten steps of 0.001 would be lost."""
    model = Sequential(Conv2d(1, 1, 1, bias=False))
    model[0].weight.fill_(1.0)
    step = TrainStep(model, MSE(), Adam(model.param(), lr=1e-3), precision="bfloat16")
    for _ in range(10):
        step(torch.ones(1, 1, 2, 2), torch.zeros(1, 1, 2, 2))
    assert float(model[0].weight) == pytest.approx(0.99, abs=1e-4)
