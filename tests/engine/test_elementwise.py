"""Activations written to interleaved parts, and in place."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.engine.elementwise import Elementwise, relu, relu_backward, sigmoid, sigmoid_backward
from zoo.nn import Module, ReLU, Sigmoid

MAKERS = {
    "relu": (ReLU, relu, relu_backward),
    "sigmoid": (Sigmoid, sigmoid, sigmoid_backward),
}


@pytest.fixture(params=MAKERS)
def pair(request: pytest.FixtureRequest) -> tuple[Module, Elementwise]:
    """The textbook layer and what computes it."""
    kind, apply, apply_backward = MAKERS[request.param]
    return kind(), Elementwise(kind(), apply, apply_backward)


def parts_of(x: Tensor, count: int) -> list[Tensor]:
    return [torch.full_like(x[:, :, part::count], torch.nan) for part in range(count)]


def interleaved(parts: list[Tensor], like: Tensor) -> Tensor:
    whole = torch.empty_like(like)
    for number, part in enumerate(parts):
        whole[:, :, number :: len(parts)] = part
    return whole


@pytest.mark.parametrize("forward_parts", [1, 2, 3])
@pytest.mark.parametrize("backward_parts", [1, 2, 3])
@pytest.mark.parametrize("rows", [1, 5, 6])
def test_parts(
    pair: tuple[Module, Elementwise], forward_parts: int, backward_parts: int, rows: int
) -> None:
    textbook, fast = pair
    x, grad_y = torch.randn(2, 2, 3, rows, 4, dtype=torch.float64)
    y, grad_x = textbook.forward(x), textbook.backward(grad_y)
    parts, grad_parts = parts_of(x, forward_parts), parts_of(x, backward_parts)
    fast.forward_into(x, parts)
    fast.backward_into(grad_y, grad_parts)
    torch.testing.assert_close(interleaved(parts, x), y, rtol=1e-14, atol=1e-14)
    torch.testing.assert_close(interleaved(grad_parts, x), grad_x, rtol=1e-14, atol=1e-14)


def test_in_place(pair: tuple[Module, Elementwise]) -> None:
    textbook, fast = pair
    x, grad_y = torch.randn(2, 7, dtype=torch.float64)
    y, grad_x = textbook.forward(x), textbook.backward(grad_y)
    fast.forward_into(x, [x])
    torch.testing.assert_close(x, y, rtol=1e-14, atol=1e-14)
    fast.backward_into(grad_y, [grad_y])
    torch.testing.assert_close(grad_y, grad_x, rtol=1e-14, atol=1e-14)
