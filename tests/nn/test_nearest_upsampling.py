"""Nearest-neighbour upsampling."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.nn.against_torch import (
    DTYPES,
    check,
    normal,
)
from zoo.nn import NearestUpsampling


@DTYPES
@pytest.mark.parametrize("batch", [0, 1, 3])
@pytest.mark.parametrize("scale_factor", [1, 2, 3, (1, 4), (3, 2)], ids=str)
def test_nearest_upsampling(scale_factor: Any, batch: int, dtype: torch.dtype) -> None:
    reference = torch.nn.Upsample(scale_factor=scale_factor, mode="nearest")
    x = normal(batch, 3, 4, 5, dtype=dtype)
    check(NearestUpsampling(scale_factor), reference, x)


def test_each_pixel_is_a_block_and_its_gradient_the_blocks_sum() -> None:
    layer = NearestUpsampling((1, 2))
    y = layer.forward(torch.tensor([[[1.0, 2.0]]]))
    assert y.tolist() == [[[1, 1, 2, 2]]]
    assert layer.backward(torch.tensor([[[1.0, 10.0, 100.0, 1000.0]]])).tolist() == [[[11, 1100]]]
