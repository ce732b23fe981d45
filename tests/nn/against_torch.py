"""Outputs and all gradients of a layer against torch.nn's, over grids of arguments."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch

from zoo.nn import Module
from zoo.testing import check_against_torch

Options = dict[str, Any]

# |difference| <= tolerance (1 + |expected|); gradients are sums of some hundred products.
TOLERANCES = {torch.float32: 2e-5, torch.float64: 1e-10}
DTYPES = pytest.mark.parametrize("dtype", TOLERANCES, ids=["float32", "float64"])
CHANNELS = [(3, 4, 1), (4, 6, 2), (3, 6, 3), (4, 4, 4)]  # in, out, groups; the last two depthwise

# torch says so once for each process where "same" needs one zero more on one side.
IGNORE_UNEVEN_PADDING = pytest.mark.filterwarnings("ignore:Using padding='same'")


def normal(*shape: int, dtype: torch.dtype, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=dtype, generator=generator)


def grid(**values: list[Any]) -> list[Any]:
    """Every combination as a dict, with a readable id such as ``kernel_size=3-stride=(2, 1)``."""
    combinations = [
        dict(zip(values, combination, strict=True)) for combination in product(*values.values())
    ]
    return [
        pytest.param(options, id="-".join(f"{key}={value}" for key, value in options.items()))
        for options in combinations
    ]


def with_channels(options: Options) -> Options:
    in_channels, out_channels, groups = options["channels"]
    return {
        **{key: value for key, value in options.items() if key != "channels"},
        "in_channels": in_channels,
        "out_channels": out_channels,
        "groups": groups,
    }


def check(module: Module, reference: torch.nn.Module, x: torch.Tensor) -> None:
    check_against_torch(module.to(x.dtype), reference.to(x.dtype), x, TOLERANCES[x.dtype])
