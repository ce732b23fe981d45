"""Chains of modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch

from zoo.errors import ShapeError
from zoo.nn import Conv2d, Module, ReLU, Sequential, Sigmoid, Upsampling


def test_a_chain_is_the_composition_of_its_modules() -> None:
    conv, relu = Conv2d(1, 2, 3), ReLU()
    model = Sequential(conv, relu)
    assert list(model) == [conv, relu]
    assert len(model) == 2
    assert model[0] is conv
    assert model[-1] is relu
    x, grad_y = torch.randn(2, 1, 5, 5), torch.randn(2, 2, 3, 3)
    y = model.forward(x)
    grad_x, grad_weight = model.backward(grad_y), conv.parameters["weight"].gradient.clone()
    conv.zero_grad()
    assert y.equal(relu.forward(conv.forward(x)))
    assert grad_x.equal(conv.backward(relu.backward(grad_y)))
    assert grad_weight.equal(conv.parameters["weight"].gradient)


def test_the_empty_chain_is_the_identity() -> None:
    model, x = Sequential(), torch.randn(2, 3)
    assert model.forward(x).equal(x)
    assert model.backward(x).equal(x)
    assert model.output_shape((3, 4)) == (3, 4)
    assert model.state_dict() == {}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ([ReLU(), ReLU()],),
            "Sequential: argument 0 is a list. "
            "Give each module as an argument of its own: Sequential(*modules).",
        ),
        (
            (ReLU(), torch.nn.Sigmoid()),
            "Sequential: argument 1 is a torch.nn.Sigmoid, which has no hand-written backward. "
            "Use a layer of zoo.nn or of a plugin.",
        ),
        ((ReLU,), "Sequential: argument 0 is the class ReLU. Make a module of it first."),
        (
            (torch.relu,),
            "Sequential: argument 0 is a builtin_function_or_method. Give modules of zoo.nn.",
        ),
    ],
    ids=["list", "torch.nn", "class", "function"],
)
def test_what_is_no_module_is_refused_at_once(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(TypeError) as caught:
        Sequential(*arguments)
    assert str(caught.value) == said


@pytest.mark.parametrize("call", ["forward", "output_shape"])
def test_the_message_names_the_position(call: str) -> None:
    def run(model: Module, shape: Sequence[int]) -> None:
        model.forward(torch.ones(2, *shape)) if call == "forward" else model.output_shape(shape)

    inner = Sequential(ReLU(), Conv2d(3, 1, 1))
    with pytest.raises(ShapeError) as caught:
        run(Sequential(Conv2d(1, 2, 3), inner), (1, 5, 5))
    assert str(caught.value) == ("module 1: module 1: Conv2d: expects 3 channels; the input has 2.")


def test_repr() -> None:
    model = Sequential(Conv2d(1, 2, 3), Sequential(ReLU()), Upsampling(2, 1, 3, bias=False))
    assert repr(model) == (
        "Sequential(\n"
        "  0: Conv2d(weight=(2, 1, 3, 3), bias=(2,))\n"
        "  1: Sequential(\n"
        "    0: ReLU()\n"
        "  )\n"
        "  2: Upsampling()\n"
        ")"
    )


def test_sequential_under_default_allclose() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        conv, relu, sigmoid = Conv2d(3, 3, 3, generator=generator), ReLU(), Sigmoid()
        x = torch.randn(1, 3, 32, 32, generator=generator)
        expected = torch.nn.functional.conv2d(x, conv.weight, conv.bias).relu().sigmoid()
        assert torch.allclose(Sequential(conv, relu, sigmoid).forward(x), expected)
