"""Forward and backward of the convolution layers, each from the three products of a kernel.

Which kernel computes a layer is decided here, for each size of image, by the channels and the
device: the class sizes were measured on a CPU with AVX-512.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from zoo.engine.conv import minimal_filtering
from zoo.engine.conv.axis import Axis
from zoo.engine.conv.gemm_chw import GemmCHW
from zoo.engine.conv.gemm_nhwc import GemmNHWC
from zoo.engine.conv.kernel import ConvKernel, InputTransform, identity
from zoo.engine.conv.minimal_filtering import Activation, MinimalFiltering
from zoo.engine.conv.selftest import has_kernels
from zoo.engine.conv.triton_conv import TritonConv, is_supported
from zoo.nn.parameter import Parameter
from zoo.spec.shapes import Pair, Sides

# Up to so many channels of the fine grid its taps are copied.
FEW_CHANNELS = 4
# Multiply-adds below which the textbook form is as fast.
MIN_FAST_MACS = 2**17
# Channels of both grids from which minimal filtering pays.
MIN_FILTERED_CHANNELS = 12

# Which axes of a weight are (kh, kw, Cfine, Ccoarse): also the order in which it is kept in memory.
COARSE_FIRST = (2, 3, 1, 0)  # of (Ccoarse, Cfine, kh, kw)
FINE_FIRST = (2, 3, 0, 1)  # of (Cfine, Ccoarse, kh, kw)


class Weight(NamedTuple):
    """What a plan depends on of a weight.

    Attributes:
        shape: as its layer has it.
        triton: whether it is on a GPU that has kernels for it.
        compiled: whether it is on a CPU that has kernels for it.
    """

    shape: tuple[int, ...]
    triton: bool = False
    compiled: bool = False

    @classmethod
    def of(cls, weight: Tensor) -> Weight:
        """That of a layer's weight."""
        return cls(tuple(weight.shape), has_kernels(weight), minimal_filtering.has_kernels(weight))


def use_fast_path(pixels: int, weight: Tensor) -> bool:
    """Whether a kernel pays: ``weight`` is applied to that many pixels."""
    return pixels * weight.numel() >= MIN_FAST_MACS or (pixels > 0 and has_kernels(weight))


@dataclass(frozen=True)
class Convolution:
    """A convolution layer for images of one size.

    Attributes:
        kernel: the three products.
        axes: which axes of the weight are (kh, kw, Cfine, Ccoarse).
        flipped: whether the weight's taps are in reverse order.
        transposed: whether the input is on the coarse grid and the output on the fine one.
        upsampled: of a transposed one, whether the output is summed over s x s pixels: then it is
            upsampling and a convolution.
    """

    kernel: ConvKernel
    axes: tuple[int, int, int, int]
    flipped: bool = False
    transposed: bool = False
    upsampled: bool = False

    def forward(
        self,
        x: Tensor,
        weight: Parameter,
        bias: Parameter | None,
        transform: InputTransform = identity,
        activation: Activation | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The output for what ``transform`` makes of x, and what ``backward`` needs of it.

        Args:
            x: the input.
            weight: the layer's.
            bias: the layer's.
            transform: on the way in.
            activation: on the way out; only of one that ``activates``.
        """
        taps, start = self._taps(weight), None if bias is None else bias.value
        if self.transposed:
            coarse = self.kernel.pack_coarse(x, transform)
            return self._dgrad(coarse, taps, start, activation), coarse
        fine = self.kernel.pack_fine(x, transform)
        return self._fprop(self.kernel.gemm_operand(fine), taps, start, activation), fine

    def backward(
        self,
        grad_y: Tensor,
        packed: Tensor,
        weight: Parameter,
        bias: Parameter | None,
        transform: InputTransform = identity,
        input_gradient: bool = True,
        activation: Activation | None = None,
    ) -> Tensor | None:
        """Add the parameters' gradients; returns x's, or None where nobody needs it.

        Args:
            grad_y: the output's gradient.
            packed: what ``forward`` gave.
            weight: the layer's.
            bias: the layer's.
            transform: of grad_y, on the way in.
            input_gradient: whether x's gradient is needed.
            activation: of x's gradient, on the way out; only of one that ``activates``.
        """
        kernel = self.kernel
        if self.transposed:
            coarse, fine = packed, kernel.pack_fine(grad_y, transform, self.upsampled)
        else:
            coarse, fine = kernel.pack_coarse(grad_y, transform), packed
        operand = kernel.gemm_operand(fine)
        if bias is None:
            self._add_wgrad(weight, coarse, operand)
        elif self.transposed:
            self._add_wgrad(weight, coarse, operand)
            _add_sum(bias, kernel.fine_pixels(fine, self.upsampled))
        elif not isinstance(kernel, MinimalFiltering):
            self._add_wgrad(weight, coarse, operand)
            _add_sum(bias, kernel.coarse_pixels(coarse))
        else:
            self._add_wgrad(weight, coarse, operand, bias)
        if not input_gradient:
            return None
        if self.transposed:
            return self._fprop(operand, self._taps(weight), None, activation)
        return self._dgrad(coarse, self._taps(weight), None, activation)

    @property
    def activates(self) -> bool:
        """Whether it takes an activation on the way out."""
        return isinstance(self.kernel, MinimalFiltering)

    def output_shape(self) -> tuple[int, int, int]:
        """(Cout, Hout, Wout)."""
        kernel = self.kernel
        if self.transposed:
            return kernel.fine_channels, *kernel.fine_size(self.upsampled)
        return kernel.coarse_channels, kernel.rows.coarse, kernel.columns.coarse

    def _taps(self, weight: Parameter) -> Tensor:
        """The weight as (kh, kw, Cfine, Ccoarse), taps in the order of the kernel."""
        taps = weight.value.permute(self.axes)
        return _reversed(taps) if self.flipped else taps

    def _fprop(
        self, operand: Tensor, taps: Tensor, bias: Tensor | None, activation: Activation | None
    ) -> Tensor:
        if activation is None:
            return self.kernel.fprop(operand, taps, bias)
        assert isinstance(self.kernel, MinimalFiltering)
        return self.kernel.fprop(operand, taps, bias, activation)

    def _dgrad(
        self, coarse: Tensor, taps: Tensor, bias: Tensor | None, activation: Activation | None
    ) -> Tensor:
        if activation is None:
            return self.kernel.dgrad(coarse, taps, bias, self.upsampled)
        assert isinstance(self.kernel, MinimalFiltering)
        return self.kernel.dgrad(coarse, taps, bias, activation=activation)

    def _wgrad(
        self, taps: Tensor, coarse: Tensor, operand: Tensor, add: bool, bias: Parameter | None
    ) -> None:
        if bias is None:
            self.kernel.wgrad(taps, coarse, operand, add)
        else:
            assert isinstance(self.kernel, MinimalFiltering)
            self.kernel.wgrad_and_sum(taps, coarse, operand, add, *bias.grad_out())

    def _add_wgrad(
        self, weight: Parameter, coarse: Tensor, operand: Tensor, bias: Parameter | None = None
    ) -> None:
        """The weight's gradient, and that of a bias which is the sum of the coarse image."""
        gradient, add = weight.grad_out()
        gradient = gradient.permute(self.axes)
        if gradient.is_contiguous() and not self.flipped:
            self._wgrad(gradient, coarse, operand, add, bias)
            return
        taps = gradient.new_empty(gradient.shape)
        self._wgrad(taps, coarse, operand, False, bias)
        taps = _reversed(taps) if self.flipped else taps
        gradient.add_(taps) if add else gradient.copy_(taps)


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
        kernel = _kernel(axes, n, in_channels, out_channels)
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
    axes: tuple[Axis, Axis],
    n: int,
    coarse_channels: int,
    fine_channels: int,
    weight: Weight | None = None,
) -> ConvKernel:
    """The kernel that serves these channels best."""
    rows, columns = axes
    images = (
        n * coarse_channels * rows.coarse * columns.coarse,
        n * fine_channels * rows.fine * columns.fine,
    )
    kernel: type[ConvKernel] = GemmCHW if fine_channels <= FEW_CHANNELS else GemmNHWC
    if weight is not None and weight.triton and is_supported(rows, columns, images):
        kernel = TritonConv
    enough = min(coarse_channels, fine_channels) >= MIN_FILTERED_CHANNELS
    if (
        weight is not None
        and weight.compiled
        and enough
        and minimal_filtering.serves(rows, columns)
    ):
        kernel = MinimalFiltering
    return kernel(rows, columns, n, coarse_channels, fine_channels)


def _add_sum(bias: Parameter, pixels: Tensor) -> None:
    """Add the sum of ``pixels`` (..., C) over all axes but the last to the bias's gradient (C,)."""
    axes = tuple(range(pixels.dim() - 1))
    total, add = bias.grad_out()
    total.add_(pixels.sum(axes)) if add else torch.sum(pixels, axes, out=total)


def _reversed(taps: Tensor) -> Tensor:
    """(kh, kw, ...) with the taps in reverse: whole matrices are copied, which flip does not."""
    matrices = taps.flatten(0, 1)
    index = _countdown(len(matrices), taps.device)
    return matrices.index_select(0, index).view(taps.shape)


@lru_cache(maxsize=64)
def _countdown(count: int, device: torch.device) -> Tensor:
    """count - 1, ..., 1, 0."""
    return torch.arange(count - 1, -1, -1, device=device)
