"""The kit's check of shape rules: a right rule passes, and each mistake in one is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import torch

from tests.conformance.test_kit import found_by
from zoo import LayerInfo, input_range
from zoo.errors import ShapeError
from zoo.nn import Conv2d, ReLU
from zoo.spec.layer_info import ShapeRule
from zoo.spec.shape_rules import conv2d, elementwise
from zoo.testing import LAYER_CHECKS, LayerCase
from zoo.testing.shape_rules import check_shape_rule


def as_if(**changes: Any) -> ShapeRule:
    """The shape rule of a convolution with other parameters than the layer has."""
    return lambda where, parameters, shape: conv2d(where, {**parameters, **changes}, shape)


def too_narrow(where: str, parameters: Mapping[str, Any], shape: tuple[int, ...]) -> LayerInfo:
    return replace(
        conv2d(where, parameters, shape),
        input_range=(input_range.window(3, 1, 1), input_range.same),
    )


def refuses_nothing(where: str, parameters: Mapping[str, Any], shape: tuple[int, ...]) -> LayerInfo:
    return conv2d(where, parameters, (2, *shape[1:]))


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            as_if(padding=0),
            "conv: for an input of (2, 4, 5) the shape rule gives (3, 2, 3), "
            "output_shape gives (3, 4, 5).",
        ),
        (
            as_if(in_channels=4),
            "conv: expects 4 channels; the input has 2.",
        ),
        (
            as_if(bias=False),
            "conv: the shape rule counts 54 parameters. The layer has 57.",
        ),
        (
            refuses_nothing,
            "conv: for an input of (1, 4, 5) the shape rule gives (3, 4, 5), "
            "output_shape gives a ShapeError.",
        ),
        (
            as_if(kernel_size=[3, 3], dilation=[1, 2], padding=[1, 2]),
            None,  # it looks further than the layer, which is allowed
        ),
        (
            too_narrow,
            "conv: column 0 of the output depends on columns [1] of the input. "
            "By the shape rule's input range it depends on 0 to 0.",
        ),
        (lambda *_: (3, 4, 5), "conv: the shape rule gives (3, 4, 5). Return a LayerInfo."),
    ],
)
def test_every_mistake_of_a_shape_rule_is_found(rule: ShapeRule, message: str | None) -> None:
    case = LayerCase(partial(Conv2d, 2, 3, 3, padding=1), (2, 2, 4, 5), "conv", rule)
    assert found_by(LAYER_CHECKS, case) == ({"shape_rule"} if message else set())
    if message:
        with pytest.raises((AssertionError, ShapeError)) as caught:
            check_shape_rule(case)
        assert str(caught.value) == message


def test_the_parameters_of_a_case_are_those_of_a_file() -> None:
    class Layer(ReLU):
        def __init__(
            self,
            channels: int,
            size: int | tuple[int, int] = (1, 2),
            *,
            bias: bool = True,
            scale: float | None = None,
            generator: torch.Generator | None = None,
        ) -> None:
            super().__init__()

    expected = {"channels": 4, "size": [1, 2], "bias": False}
    assert LayerCase(partial(Layer, 4, bias=False), (2, 4), "", elementwise).parameters == expected
    assert LayerCase(ReLU, (2, 4), "", elementwise).parameters == {}
