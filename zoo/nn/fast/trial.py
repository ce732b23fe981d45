"""Whether a GPU's kernels can be used: each is run once, and compared with the matrix products.

Triton compiles kernels for the GPU that is there, and needs what a machine may lack: its own
package, a C compiler, a driver of its time. Training goes on without.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

import torch
from torch import Tensor

from zoo.nn.fast.axis import Axis
from zoo.nn.fast.implicit import LARGEST_TILE, SMALLEST_TILE, Implicit
from zoo.nn.fast.rows import Rows

DTYPES = (torch.float32, torch.bfloat16)
TOLERANCE = 2e-2  # relative to the largest value; that of products in bfloat16


def has_kernels(weight: Tensor) -> bool:
    """Whether a convolution with this weight is computed by the kernels."""
    return weight.is_cuda and weight.dtype in DTYPES and not problem(weight.device, weight.dtype)


@lru_cache(maxsize=64)
def problem(device: torch.device, dtype: torch.dtype) -> str:
    """Why a GPU does not use the kernels, in one line; "" if it does."""
    if find_spec("triton") is None:
        return "Triton is not installed"
    try:
        return difference(device, dtype)
    except Exception as error:  # whatever a compiler or a driver raises
        lines = str(error).strip().splitlines() or [""]
        return f"{type(error).__name__}: {lines[0]}"


def difference(device: torch.device, dtype: torch.dtype) -> str:
    """What the kernels compute otherwise than the matrix products do; "" if nothing."""
    rows, columns = Axis(5, 9, 2, (-1, 0, 1, 2)), Axis(4, 7, 2, (-1, 0, 1))
    for low_channels, high_channels in ((SMALLEST_TILE, LARGEST_TILE), (LARGEST_TILE + 1, 3)):
        generator = torch.Generator().manual_seed(0)
        shapes = {
            "low": (2, low_channels, rows.low, columns.low),
            "high": (2, high_channels, rows.high, columns.high),
            "image": (2, high_channels, rows.high - 1, columns.high - 1),
            "weight": (len(rows.offsets), len(columns.offsets), high_channels, low_channels),
            "low_bias": (low_channels,),
            "high_bias": (high_channels,),
        }
        numbers = {
            name: torch.randn(shape, generator=generator).to(device, dtype)
            for name, shape in shapes.items()
        }
        maps = rows, columns, 2, low_channels, high_channels
        expected = _results(Rows(*maps), **numbers)
        for name, result in _results(Implicit(*maps), **numbers).items():
            right = expected[name].double()
            error = (result.double() - right).abs().max().item()
            if not error <= TOLERANCE * right.abs().max().item():
                return f"{name} is wrong by {error:.1e}"
    return ""


def _results(
    form: Rows | Implicit,
    low: Tensor,
    high: Tensor,
    image: Tensor,
    weight: Tensor,
    low_bias: Tensor,
    high_bias: Tensor,
) -> dict[str, Tensor]:
    """All that a form computes."""
    stored = form.store_low(low)
    boxed = form.operand(form.store_high(image, boxed=True))
    gradient = torch.zeros_like(weight)
    form.weight_gradient(gradient, stored, boxed, add=False)
    return {
        "the convolution": form.reduce(form.operand(form.store_high(high)), weight, low_bias),
        "the transposed convolution": form.expand(stored, weight, high_bias),
        "the convolution after upsampling": form.expand(stored, weight, high_bias, boxed=True),
        "the gradient before upsampling": form.reduce(boxed, weight, None),
        "the weight's gradient": gradient,
    }
