"""Transposed convolution."""

from __future__ import annotations

import pytest
import torch

from tests.nn.against_torch import (
    CHANNELS,
    DTYPES,
    Options,
    check,
    grid,
    normal,
    with_channels,
)
from zoo.nn import Conv2d, ConvTranspose2d


@DTYPES
@pytest.mark.parametrize(
    "options",
    grid(
        kernel_size=[1, 3, (2, 3)],
        stride=[1, 2, (3, 2)],
        padding=[0, (0, 1)],
        dilation=[1, (2, 1)],
        channels=CHANNELS,
        bias=[True, False],
    ),
)
def test_conv_transpose2d(options: Options, dtype: torch.dtype) -> None:
    arguments = with_channels(options)
    x = normal(2, arguments["in_channels"], 3, 4, dtype=dtype)
    check(ConvTranspose2d(**arguments), torch.nn.ConvTranspose2d(**arguments), x)


@DTYPES
@pytest.mark.parametrize(
    "options",
    grid(
        kernel_size=[1, 3, (4, 2)],
        stride=[2, (3, 2)],
        padding=[0, 1],
        output_padding=[0, 1, (1, 0)],
        dilation=[1, 2],
        channels=[(3, 4, 1), (4, 6, 2)],
    ),
)
def test_output_padding(options: Options, dtype: torch.dtype) -> None:
    arguments = with_channels(options)
    x = normal(2, arguments["in_channels"], 3, 4, dtype=dtype)
    check(ConvTranspose2d(**arguments), torch.nn.ConvTranspose2d(**arguments), x)


def test_output_padding_may_be_less_than_the_dilation_only() -> None:
    arguments: Options = {"kernel_size": 2, "stride": 1, "output_padding": 2, "dilation": 3}
    x = normal(2, 3, 3, 4, dtype=torch.float64)
    check(ConvTranspose2d(3, 2, **arguments), torch.nn.ConvTranspose2d(3, 2, **arguments), x)


@DTYPES
@pytest.mark.parametrize("batch", [0, 1, 3, None], ids=["none", "one", "three", "unbatched"])
@pytest.mark.parametrize("size", [(7, 5), (4, 4), (3, 8)], ids=str)
@pytest.mark.parametrize("groups", [1, 2])
def test_batches_and_sizes(
    groups: int, size: tuple[int, int], batch: int | None, dtype: torch.dtype
) -> None:
    arguments: Options = {"kernel_size": 3, "stride": 2, "padding": 1, "groups": groups}
    shape = (4, *size) if batch is None else (batch, 4, *size)
    x = normal(*shape, dtype=dtype)
    check(ConvTranspose2d(4, 6, **arguments), torch.nn.ConvTranspose2d(4, 6, **arguments), x)


def test_it_is_the_gradient_of_a_convolution() -> None:
    conv, transposed = Conv2d(3, 4, 3, 2, 1, bias=False), ConvTranspose2d(4, 3, 3, 2, 1, bias=False)
    transposed.set_weight(conv.weight)  # (4, 3, 3, 3) of both
    y = conv.forward(torch.randn(2, 3, 7, 9))
    grad_y = torch.randn_like(y)
    torch.testing.assert_close(transposed.forward(grad_y), conv.backward(grad_y))
