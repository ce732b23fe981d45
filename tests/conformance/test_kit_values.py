"""The kit draws what a layer starts with: mistakes that initial values hide are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.conformance.test_kit import OF_AUTOGRAD, found_by
from zoo import LayerInfo
from zoo.errors import ShapeError
from zoo.nn import Module, Parameter
from zoo.testing import LAYER_CHECKS, LayerCase
from zoo.testing.layers import check_output_shape
from zoo.testing.running import run_checks


class Scale(Module):
    """y = weight x / root of scale + bias; right. All start as what changes nothing."""

    batch_independent = True

    def __init__(self) -> None:
        super().__init__()
        self.parameters["weight"] = Parameter(torch.ones(3))
        self.parameters["bias"] = Parameter(torch.zeros(3))
        self.buffers["scale"] = torch.ones(3)
        self.buffers["count"] = torch.tensor(7)

    @property
    def factor(self) -> Tensor:
        return self.weight / self.buffers["scale"].sqrt()

    def forward(self, x: Tensor) -> Tensor:
        self.save(x)
        return x * self.factor + self.parameters["bias"].value

    def backward(self, grad_y: Tensor) -> Tensor:
        (x,) = self.saved()
        self.require_gradient_shape(grad_y, x.shape)
        product = grad_y * x / self.buffers["scale"].sqrt()
        self.add_gradients(weight=product.sum_to_size(3), bias=grad_y.sum_to_size(3))
        return grad_y * self.factor

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        return rule("Scale", {}, tuple(input_shape)).output_shape


class LeavesOutTheWeight(Scale):
    def backward(self, grad_y: Tensor) -> Tensor:
        super().backward(grad_y)
        return grad_y / self.buffers["scale"].sqrt()


class LeavesOutTheBuffer(Scale):
    def backward(self, grad_y: Tensor) -> Tensor:
        super().backward(grad_y)
        return grad_y * self.weight


class LeavesOutTheBias(Scale):
    """Of a state: a bias of 0 hides that."""

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        super().load_state_dict({**state, "bias": torch.zeros(3)})


def rule(where: str, parameters: Mapping[str, Any], shape: tuple[int, ...]) -> LayerInfo:
    if shape[-1:] != (3,):
        raise ShapeError(f"{where}: the input is {shape}. Use (..., 3).")
    return LayerInfo(shape, parameters=6)


def case_of(layer: type[Scale], **values: str) -> LayerCase:
    return LayerCase(layer, (2, 3), "scale(x=1)", rule, values=values)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (Scale, set()),
        (LeavesOutTheWeight, {"backward"} | OF_AUTOGRAD),
        (LeavesOutTheBuffer, {"backward"} | OF_AUTOGRAD),
        (LeavesOutTheBias, {"state_dict"}),
    ],
)
def test_what_starts_at_1_or_0_hides_nothing(layer: type[Scale], expected: set[str]) -> None:
    assert found_by(LAYER_CHECKS, case_of(layer)) == expected


def test_values_are_drawn_as_the_case_says() -> None:
    case = case_of(Scale, weight="positive", bias="kept", scale="any")
    state = {seed: case.module(seed).state_dict() for seed in range(9)}
    assert all((each["weight"] >= 0.5).all() for each in state.values())
    assert all(not each["bias"].any() for each in state.values())
    assert any((each["scale"] < 0).any() for each in state.values())
    assert all((each["scale"].abs() >= 0.5).all() for each in state.values())
    assert all(each["count"] == 7 for each in state.values())
    drawn = [case_of(Scale).module(seed).state_dict() for seed in range(9)]
    assert all((each["scale"] > 0).all() for each in drawn)
    assert any((each["weight"] < 0).any() for each in drawn)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        case_of(Scale, weigth="positive").module()
    assert str(caught.value) == (
        "values has 'weigth': 'positive'. Use names of the state dict, weight, bias, scale, count, "
        "and one of any, positive, kept."
    )


def test_what_must_be_positive_and_is_not() -> None:
    with pytest.raises(AssertionError) as caught:
        check_output_shape(case_of(Scale, scale="any"))
    assert str(caught.value) == (
        "scale(x=1): with parameters and buffers drawn at random the output is not finite. "
        "If some must be positive, say so in the case's values."
    )


def test_a_failure_names_the_parameters() -> None:
    outcomes = run_checks("layer scale", case_of(LeavesOutTheWeight))
    failed = next(outcome for outcome in outcomes if outcome.state == "failed")
    assert failed.message.startswith(
        "scale(x=1): LeavesOutTheWeight, backward against autograd, the input: Tensor-likes"
    )
