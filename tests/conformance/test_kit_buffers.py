"""The kit on buffers and layers that mix a batch: right ones pass, mistakes are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conformance.test_kit import OF_AUTOGRAD, found_by
from zoo import LayerInfo
from zoo.errors import ShapeError
from zoo.nn import Module, Parameter, all_gather
from zoo.testing import LAYER_CHECKS, LayerCase
from zoo.testing.layers import check_batch_independent


def features(where: str, parameters: Mapping[str, Any], input_shape: tuple[int, ...]) -> LayerInfo:
    """The shape rule of all of them; right."""
    if input_shape[-1:] != (3,):
        raise ShapeError(f"{where}: the input is {input_shape}. Use (..., 3).")
    return LayerInfo(input_shape, parameters=3)


class Tracking(Module):
    """y = w x, and in evaluation mode minus the running mean of x; counts the batches."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.parameters["weight"] = Parameter(torch.rand(3, generator=generator))
        self.buffers["mean"] = torch.zeros(3)
        self.buffers["batches"] = torch.tensor(0)

    def forward(self, x: Tensor) -> Tensor:
        self.save(x)
        if not self.training:
            return x * self.weight - self.buffers["mean"]
        if len(x):
            self.follow(x)
        return x * self.weight

    def follow(self, x: Tensor) -> None:
        with torch.no_grad():
            mean = self.buffers["mean"]
            mean.lerp_(x.view(-1, 3).mean(0).to(mean.dtype), 0.5)
            self.buffers["batches"] += 1

    def backward(self, grad_y: Tensor) -> Tensor:
        (x,) = self.saved()
        self.require_gradient_shape(grad_y, x.shape)
        self.add_gradients(weight=(grad_y * x).view(-1, 3).sum(0))
        return grad_y * self.weight

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return features("Tracking", {}, input_shape).output_shape


class FollowsInEvaluation(Tracking):
    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            self.follow(x)
        return super().forward(x)


class FollowsBackward(Tracking):
    def backward(self, grad_y: Tensor) -> Tensor:
        self.follow(self.saved()[0])
        return super().backward(grad_y)


class SavesNoBuffers(Tracking):
    def state_dict(self) -> dict[str, Tensor]:
        return {name: parameter.value for name, parameter in self.named_parameters()}


class SharesItsBuffers(Tracking):
    def load_state_dict(self, state: dict[str, Tensor]) -> None:  # type: ignore[override]
        super().load_state_dict(state)
        self.buffers["mean"] = state["mean"]


class LeavesItsBuffers(Tracking):
    def to(self, *target: torch.device | torch.dtype | str) -> LeavesItsBuffers:
        buffers = dict(self.buffers)
        super().to(*target)
        self.buffers |= buffers
        return self


class SubtractsTheMean(Tracking):
    """y = w (x - mean of the batch): it mixes the batch."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x - x.view(-1, 3).mean(0))

    def backward(self, grad_y: Tensor) -> Tensor:
        grad_x = super().backward(grad_y)
        return grad_x - grad_x.view(-1, 3).sum(0) / max(1, grad_x.numel() // 3)


class ClaimsToTreatImagesAlone(Tracking):
    batch_independent = True


class MixesInEvaluation(Tracking):
    @property
    def batch_independent(self) -> bool:  # type: ignore[override]  # as batch normalisation
        return not self.training

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) - (0 if self.training or not len(x) else x.view(-1, 3).mean(0))


class GradientOfTheOtherMode(SubtractsTheMean):
    """As if the mean were a constant, which it is in evaluation mode."""

    def backward(self, grad_y: Tensor) -> Tensor:
        return Tracking.backward(self, grad_y)


MISTAKES: list[tuple[type[Tracking], set[str]]] = [
    (Tracking, set()),
    (FollowsInEvaluation, {"deterministic", "nothing_else_changes", "state_dict"}),
    (FollowsBackward, {"nothing_else_changes"}),
    (SavesNoBuffers, {"state_dict"}),
    (SharesItsBuffers, {"state_dict"}),
    (LeavesItsBuffers, {"to"}),
    (SubtractsTheMean, {"batch_of_one"}),
    (ClaimsToTreatImagesAlone, {"batch_independent"}),
    (MixesInEvaluation, {"batch_independent"}),
    (GradientOfTheOtherMode, {"backward", "batch_of_one"} | OF_AUTOGRAD),
]


@pytest.mark.parametrize(
    ("layer", "expected"), MISTAKES, ids=lambda value: getattr(value, "__name__", "")
)
def test_every_mistake_is_found(layer: type[Tracking], expected: set[str]) -> None:
    case = LayerCase(layer, (2, 3), "tracking", features)
    assert found_by(LAYER_CHECKS, case) == expected


def test_a_layer_may_mix_the_batch() -> None:
    case = LayerCase(SubtractsTheMean, (2, 3), "mean", features)
    assert found_by(LAYER_CHECKS, replace(case, mixes_batch=True)) == set()


def test_a_layer_that_mixes_the_batch_says_so_everywhere() -> None:
    case = LayerCase(ClaimsToTreatImagesAlone, (2, 3), "mean", features, mixes_batch=True)
    with pytest.raises(AssertionError, match="batch_independent is True, but its case says"):
        check_batch_independent(case)


class GathersTheMean(SubtractsTheMean):
    """The same, also where only a part of the batch is here."""

    uses_batch_statistics = True

    def forward(self, x: Tensor) -> Tensor:
        return Tracking.forward(self, x - self.mean(x))

    def follow(self, x: Tensor) -> None:
        super().follow(x - x.view(-1, 3).mean(0) + self.mean(x))

    def backward(self, grad_y: Tensor) -> Tensor:
        grad_x = Tracking.backward(self, grad_y)
        return grad_x - self.mean(grad_x)

    def mean(self, x: Tensor) -> Tensor:
        if not x.numel():
            return x.new_zeros(3)
        return all_gather(x.view(-1, 3).mean(0)).mean(0)


class GathersInForwardOnly(GathersTheMean):
    def backward(self, grad_y: Tensor) -> Tensor:
        return SubtractsTheMean.backward(self, grad_y)


class FollowsItsOwnPart(GathersTheMean):
    def follow(self, x: Tensor) -> None:
        Tracking.follow(self, x)


class GathersNothing(SubtractsTheMean):
    uses_batch_statistics = True


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (GathersTheMean, set()),
        (GathersInForwardOnly, {"uses_batch_statistics"}),
        (FollowsItsOwnPart, {"uses_batch_statistics"}),
        (GathersNothing, {"uses_batch_statistics"}),
    ],
)
def test_a_layer_that_uses_batch_statistics(layer: type[Tracking], expected: set[str]) -> None:
    case = LayerCase(layer, (2, 3), "gathers", features, mixes_batch=True)
    assert found_by(LAYER_CHECKS, case) == expected
