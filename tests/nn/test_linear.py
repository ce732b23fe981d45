"""Affine map of the last axis."""

from __future__ import annotations

import pytest
import torch

from tests.nn.against_torch import (
    DTYPES,
    check,
    normal,
)
from zoo.nn import Linear


@DTYPES
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(4,), (0, 4), (1, 4), (3, 4), (2, 3, 4), (2, 3, 5, 4)], ids=str)
@pytest.mark.parametrize("out_features", [1, 5])
def test_linear(out_features: int, shape: tuple[int, ...], bias: bool, dtype: torch.dtype) -> None:
    x = normal(*shape, dtype=dtype)
    check(Linear(4, out_features, bias), torch.nn.Linear(4, out_features, bias), x)
