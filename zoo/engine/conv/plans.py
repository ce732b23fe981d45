"""Which kernel computes a layer, for each size of image: by the channels and the device.

The class sizes were measured on a CPU with AVX-512.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

from torch import Tensor

from zoo.engine.conv import minimal_filtering
from zoo.engine.conv.axis import Axis
from zoo.engine.conv.convolution import COARSE_FIRST, FINE_FIRST, Convolution
from zoo.engine.conv.gemm_chw import GemmCHW
from zoo.engine.conv.gemm_nhwc import GemmNHWC
from zoo.engine.conv.kernel import ConvKernel
from zoo.engine.conv.minimal_filtering import MinimalFiltering, serves, tile_side
from zoo.engine.conv.selftest import has_kernels
from zoo.engine.conv.triton_conv import TritonConv, is_supported
from zoo.spec.shapes import Pair, Sides

# Up to so many channels of the fine grid its taps are copied.
FEW_CHANNELS = 4
# Multiply-adds below which the textbook form is as fast.
MIN_FAST_MACS = 2**17
# Channels of both grids from which minimal filtering pays.
MIN_FILTERED_CHANNELS = 12


class Weight(NamedTuple):
    """What a plan depends on of a weight.

    Attributes:
        shape: as its layer has it.
        triton: whether it is on a GPU that has kernels for it.
        compiled: whether it is on a CPU that has kernels for it.
        fast: whether these may round more where they then take less time.
    """

    shape: tuple[int, ...]
    triton: bool = False
    compiled: bool = False
    fast: bool = False

    @classmethod
    def of(cls, weight: Tensor, fast: bool = False) -> Weight:
        """That of a layer's weight."""
        compiled = minimal_filtering.has_kernels(weight)
        return cls(tuple(weight.shape), has_kernels(weight), compiled, fast and compiled)


def use_fast_path(pixels: int, weight: Tensor) -> bool:
    """Whether a kernel pays: ``weight`` is applied to that many pixels."""
    return pixels * weight.numel() >= MIN_FAST_MACS or (pixels > 0 and has_kernels(weight))


@lru_cache(maxsize=256)
def plan_conv2d(
    n: int, size: Pair, y_size: Pair, weight: Weight, stride: Pair, padding: Sides, dilation: Pair
) -> Convolution:
    """A convolution without groups, weight of shape (Cout, Cin, kh, kw).

    With stride 1 a convolution is also a transposed one with its taps in reverse, which serves few
    output channels better.
    """
    out_channels, in_channels, *kernel_size = weight.shape
    before = (padding[0], padding[2])
    axes = _axes(y_size, size, stride, [-p for p in before], kernel_size, dilation)
    kernel = _kernel(axes, n, out_channels, in_channels, weight)
    few = out_channels <= FEW_CHANNELS < in_channels
    if stride == (1, 1) and few and not isinstance(kernel, TritonConv):
        starts = [p - (k - 1) * d for p, k, d in zip(before, kernel_size, dilation, strict=True)]
        axes = _axes(size, y_size, stride, starts, kernel_size, dilation)
        kernel = _kernel(axes, n, in_channels, out_channels, Weight(weight.shape))
        return Convolution(kernel, FINE_FIRST, flipped=True, transposed=True)
    return Convolution(kernel, COARSE_FIRST)


@lru_cache(maxsize=256)
def plan_conv_transpose2d(
    n: int, size: Pair, y_size: Pair, weight: Weight, stride: Pair, padding: Pair, dilation: Pair
) -> Convolution:
    """A transposed convolution without groups, weight of shape (Cin, Cout, kh, kw)."""
    in_channels, out_channels, *kernel_size = weight.shape
    axes = _axes(size, y_size, stride, [-p for p in padding], kernel_size, dilation)
    kernel = _kernel(axes, n, in_channels, out_channels, weight)
    return Convolution(kernel, COARSE_FIRST, transposed=True)


@lru_cache(maxsize=256)
def plan_upsampling(
    n: int, size: Pair, y_size: Pair, weight: Weight, scale: Pair, padding: Sides
) -> Convolution:
    """Nearest-neighbour upsampling, then a convolution with weight (Cout, Cin, kh, kw)."""
    out_channels, in_channels, *kernel_size = weight.shape
    before = (padding[0], padding[2])
    starts = [p + s - k for p, s, k in zip(before, scale, kernel_size, strict=True)]
    fine = (y_size[0] + scale[0] - 1, y_size[1] + scale[1] - 1)
    axes = _axes(size, fine, scale, starts, kernel_size, (1, 1))
    kernel = _kernel(axes, n, in_channels, out_channels, weight)
    flipped = not isinstance(kernel, TritonConv)
    if isinstance(kernel, TritonConv):  # reads the taps in reverse by itself
        kernel = replace(kernel, flipped=True)
    return Convolution(kernel, FINE_FIRST, flipped, transposed=True, upsampled=True)


def _axes(
    coarse: Pair,
    fine: Pair,
    stride: Pair,
    starts: Sequence[int],
    kernel_size: Sequence[int],
    dilation: Pair,
) -> tuple[Axis, Axis]:
    """The two axes, with taps at start, start + d, ..."""
    offsets = [
        tuple(start + tap * step for tap in range(taps))
        for start, step, taps in zip(starts, dilation, kernel_size, strict=True)
    ]
    rows, columns = map(Axis, coarse, fine, stride, offsets)
    return rows, columns


def _kernel(
    axes: tuple[Axis, Axis], n: int, coarse_channels: int, fine_channels: int, weight: Weight
) -> ConvKernel:
    """The kernel that serves these channels best."""
    rows, columns = axes
    images = (
        n * coarse_channels * rows.coarse * columns.coarse,
        n * fine_channels * rows.fine * columns.fine,
    )
    kernel: type[ConvKernel] = GemmCHW if fine_channels <= FEW_CHANNELS else GemmNHWC
    enough = min(coarse_channels, fine_channels) >= MIN_FILTERED_CHANNELS
    if weight.triton and is_supported(rows, columns, images):
        kernel = TritonConv
    elif weight.compiled and enough and serves(rows, columns):
        side = tile_side(rows, columns) if weight.fast else 2
        return MinimalFiltering(rows, columns, n, coarse_channels, fine_channels, side)
    return kernel(rows, columns, n, coarse_channels, fine_channels)
