"""Buffers: tensors that belong to a module's state and are not trained."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.errors import StateError
from zoo.nn import Linear, Module, Parameter, Sequential


class Tracking(Module):
    """Multiplies by a weight; keeps a running mean and counts the batches."""

    def __init__(self, features: int = 2) -> None:
        super().__init__()
        self.parameters["weight"] = Parameter(torch.ones(features))
        self.buffers["mean"] = torch.zeros(features)
        self.buffers["batches"] = torch.tensor(0)
        self.children["inner"] = Linear(features, features, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.buffers["mean"].lerp_(x.mean(0), 0.5)
            self.buffers["batches"] += 1
        return self.children["inner"].forward(x * self.weight)


class TorchTracking(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner = torch.nn.Linear(2, 2, bias=False)
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("batches", torch.tensor(0))
        self.weight = torch.nn.Parameter(torch.ones(2))


def test_they_are_in_the_state_dict_in_torchs_order_and_are_no_parameters() -> None:
    model = Sequential(Tracking(), Tracking())
    names = ["0.weight", "0.mean", "0.batches", "0.inner.weight"]
    names += ["1.weight", "1.mean", "1.batches", "1.inner.weight"]
    assert list(model.state_dict()) == names
    reference = torch.nn.Sequential(TorchTracking(), TorchTracking())
    assert list(reference.state_dict()) == names
    assert [name for name, _ in model.named_parameters()] == [names[i] for i in (0, 3, 4, 7)]
    assert len(model.param()) == 4
    assert model.state_dict()["1.mean"] is model[1].buffers["mean"]


def test_they_are_loaded_both_ways_and_copied() -> None:
    model, other, reference = Tracking(), Tracking(), TorchTracking()
    model.forward(torch.tensor([[2.0, 4.0]]))
    mean = model.buffers["mean"]
    for target in (other, reference):
        target.load_state_dict(model.state_dict())
        assert target.state_dict()["mean"].tolist() == [1, 2]
        assert target.state_dict()["batches"].equal(torch.tensor(1))
    mean.zero_()
    assert other.buffers["mean"].tolist() == [1, 2]
    model.load_state_dict(reference.state_dict())
    assert model.buffers["mean"] is mean
    assert mean.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"mean": None}, "mean is missing"),
        ({"variance": torch.ones(2)}, "variance is unexpected"),
        ({"mean": torch.ones(1)}, "mean has shape (1,) instead of (2,)"),
        ({"batches": torch.ones(1)}, "batches has shape (1,) instead of ()"),
    ],
)
def test_a_state_must_have_them_exactly(change: dict[str, Tensor | None], difference: str) -> None:
    model, state = Tracking(), {**Tracking().state_dict(), **change}
    with pytest.raises(StateError) as caught:
        model.load_state_dict({name: value for name, value in state.items() if value is not None})
    assert str(caught.value) == f"Tracking: the state differs: {difference}."


def test_they_move_and_integers_keep_their_dtype() -> None:
    model = Sequential(Tracking())
    model.forward(torch.tensor([[2.0, 4.0]]))
    model.to("cpu", torch.float64)
    assert model[0].buffers["mean"].dtype == torch.float64
    assert model[0].buffers["mean"].tolist() == [1, 2]
    assert model[0].buffers["batches"].equal(torch.tensor(1))  # an int64
    model.to("meta")
    assert {value.device.type for value in model.state_dict().values()} == {"meta"}
