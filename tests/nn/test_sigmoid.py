"""Logistic sigmoid."""

from __future__ import annotations

import pytest
import torch

from tests.nn.against_torch import (
    DTYPES,
    check,
    normal,
)
from zoo.nn import Sigmoid


@DTYPES
@pytest.mark.parametrize("shape", [(), (5,), (0, 3), (2, 3, 4, 5)], ids=str)
def test_values_and_gradients(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    check(Sigmoid(), torch.nn.Sigmoid(), 3 * normal(*shape, dtype=dtype))


def test_the_edges() -> None:
    x = torch.tensor([0.0, -0.0, 1e-300, -1e-300, 800.0, -800.0, torch.inf, -torch.inf]).double()
    check(Sigmoid(), torch.nn.Sigmoid(), x)


def test_sigmoid_under_default_allclose() -> None:
    x = normal(100, 3, 32, 32, dtype=torch.float32)
    assert torch.allclose(Sigmoid().forward(x), torch.sigmoid(x))
