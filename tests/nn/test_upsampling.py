"""Upsampling and a convolution as one layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.nn.against_torch import (
    CHANNELS,
    DTYPES,
    IGNORE_UNEVEN_PADDING,
    Options,
    check,
    grid,
    normal,
    with_channels,
)
from zoo.nn import Conv2d, NearestUpsampling, Sequential, Upsampling


def upsampling_of_torch(scale_factor: Any, *arguments: Any, **options: Any) -> torch.nn.Module:
    return torch.nn.Sequential(
        torch.nn.Upsample(scale_factor=scale_factor), torch.nn.Conv2d(*arguments, **options)
    )


@IGNORE_UNEVEN_PADDING
@DTYPES
@pytest.mark.parametrize(
    "options",
    grid(
        scale_factor=[2, (1, 3)],
        kernel_size=[1, 3, 7, (2, 3)],
        stride=[1],
        padding=[3, "same", (3, 4)],
        dilation=[1, (1, 2)],
        channels=[(3, 4, 1), (4, 6, 2)],
        bias=[True, False],
    )
    + grid(
        scale_factor=[3, (2, 1)],
        kernel_size=[3, (2, 1)],
        stride=[2, (1, 3)],
        padding=[0, (0, 2)],
        channels=CHANNELS,
    ),
)
def test_upsampling(options: Options, dtype: torch.dtype) -> None:
    arguments = with_channels(options)
    x = normal(2, arguments["in_channels"], 3, 5, dtype=dtype)
    check(Upsampling(**arguments), upsampling_of_torch(**arguments), x)


def test_it_is_its_two_layers() -> None:
    upsampling, conv = Upsampling(3, 4, 3, padding=1, scale_factor=(2, 3)), Conv2d(3, 4, 3, 1, 1)
    conv.load_state_dict(upsampling.children["1"].state_dict())
    two = Sequential(NearestUpsampling((2, 3)), conv)
    x = torch.randn(2, 3, 4, 5)
    y = upsampling.forward(x)
    assert y.equal(two.forward(x))
    assert upsampling.backward(y).equal(two.backward(y))
    assert [name for name, _ in upsampling.named_parameters()] == ["1.weight", "1.bias"]
