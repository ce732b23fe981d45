"""Rectified linear unit."""

from __future__ import annotations

import pytest
import torch

from tests.nn.against_torch import (
    DTYPES,
    check,
    normal,
)
from zoo.nn import ReLU


@DTYPES
@pytest.mark.parametrize("shape", [(), (5,), (0, 3), (2, 3, 4, 5)], ids=str)
def test_values_and_gradients(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    check(ReLU(), torch.nn.ReLU(), 3 * normal(*shape, dtype=dtype))


def test_the_edges() -> None:
    x = torch.tensor([0.0, -0.0, 1e-300, -1e-300, 800.0, -800.0, torch.inf, -torch.inf]).double()
    check(ReLU(), torch.nn.ReLU(), x)


def test_relu_passes_on_what_is_not_a_number_as_torch_does() -> None:
    x = torch.tensor([torch.nan, -1.0, 1.0], requires_grad=True)
    (expected,) = torch.autograd.grad(torch.relu(x), x, torch.ones(3))
    module = ReLU()
    assert torch.equal(module.forward(x.detach()).isnan(), torch.tensor([True, False, False]))
    assert module.backward(torch.ones(3)).equal(expected)
