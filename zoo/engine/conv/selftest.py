"""Whether a GPU's kernels can be used: each is run once, and compared with the matrix products.

Triton compiles kernels for the GPU that is there, and needs what a machine may lack: its own
package, a C compiler, a driver of its time. Training goes on without.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec

import torch
from torch import Tensor

from zoo.engine.conv.axis import Axis
from zoo.engine.conv.gemm_nhwc import GemmNHWC
from zoo.engine.conv.kernel import ConvKernel
from zoo.engine.conv.triton_conv import LARGEST_TILE, SMALLEST_TILE, TritonConv

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
    for coarse_channels, fine_channels in ((SMALLEST_TILE, LARGEST_TILE), (LARGEST_TILE + 1, 3)):
        generator = torch.Generator().manual_seed(0)
        shapes = {
            "coarse": (2, coarse_channels, rows.coarse, columns.coarse),
            "fine": (2, fine_channels, rows.fine, columns.fine),
            "image": (2, fine_channels, rows.fine - 1, columns.fine - 1),
            "weight": (len(rows.offsets), len(columns.offsets), fine_channels, coarse_channels),
            "coarse_bias": (coarse_channels,),
            "fine_bias": (fine_channels,),
        }
        numbers = {
            name: torch.randn(shape, generator=generator).to(device, dtype)
            for name, shape in shapes.items()
        }
        maps = rows, columns, 2, coarse_channels, fine_channels
        expected = _results(GemmNHWC(*maps), **numbers)
        for name, result in _results(TritonConv(*maps), **numbers).items():
            right = expected[name].double()
            error = (result.double() - right).abs().max().item()
            if not error <= TOLERANCE * right.abs().max().item():
                return f"{name} is wrong by {error:.1e}"
    return ""


def _results(
    kernel: ConvKernel,
    coarse: Tensor,
    fine: Tensor,
    image: Tensor,
    weight: Tensor,
    coarse_bias: Tensor,
    fine_bias: Tensor,
) -> dict[str, Tensor]:
    """All that a kernel computes."""
    packed = kernel.pack_coarse(coarse)
    upsampled = kernel.gemm_operand(kernel.pack_fine(image, upsampled=True))
    gradient = torch.zeros_like(weight)
    kernel.wgrad(gradient, packed, upsampled, add=False)
    return {
        "the convolution": kernel.fprop(
            kernel.gemm_operand(kernel.pack_fine(fine)), weight, coarse_bias
        ),
        "the transposed convolution": kernel.dgrad(packed, weight, fine_bias),
        "the convolution after upsampling": kernel.dgrad(packed, weight, fine_bias, upsampled=True),
        "the gradient before upsampling": kernel.fprop(upsampled, weight, None),
        "the weight's gradient": gradient,
    }
