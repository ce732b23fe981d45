"""Convolution."""

from __future__ import annotations

from collections.abc import Iterator

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
from zoo.nn import Conv2d


@DTYPES
@pytest.mark.parametrize(
    "options",
    grid(
        kernel_size=[1, 3, (2, 3), (5, 1)],
        stride=[1, 2, (2, 3)],
        padding=[0, 1, (2, 1)],
        dilation=[1, (1, 2)],
        channels=CHANNELS,
        bias=[True, False],
    ),
)
def test_conv2d(options: Options, dtype: torch.dtype) -> None:
    arguments = with_channels(options)
    x = normal(2, arguments["in_channels"], 7, 9, dtype=dtype)
    check(Conv2d(**arguments), torch.nn.Conv2d(**arguments), x)


@IGNORE_UNEVEN_PADDING
@DTYPES
@pytest.mark.parametrize(
    "options",
    grid(
        kernel_size=[1, 2, 3, (4, 3), (2, 5)],
        padding=["same", "valid"],
        dilation=[1, (2, 3)],
        channels=CHANNELS,
    ),
)
def test_conv2d_with_padding_by_name(options: Options, dtype: torch.dtype) -> None:
    arguments = with_channels(options)
    x = normal(2, arguments["in_channels"], 8, 13, dtype=dtype)
    check(Conv2d(**arguments), torch.nn.Conv2d(**arguments), x)


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
    check(Conv2d(4, 6, **arguments), torch.nn.Conv2d(4, 6, **arguments), x)


# The comparison below is that of the course's public test: torch.allclose as it comes.


@pytest.fixture(params=[1, 2], ids=["one", "two"])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """Another number of threads is another order of summation."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_conv2d_under_default_allclose() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(100):
        conv = Conv2d(3, 3, 3, generator=generator)
        x = torch.randn(1, 3, 32, 32, generator=generator)
        expected = torch.nn.functional.conv2d(x, conv.weight, conv.bias)
        assert torch.allclose(conv.forward(x), expected)
