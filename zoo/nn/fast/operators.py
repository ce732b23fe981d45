"""Forward and backward of the layers, each from the three products of :mod:`zoo.nn.fast`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from zoo.nn.fast.axis import Axis
from zoo.nn.fast.implicit import Implicit, serves
from zoo.nn.fast.planes import Planes
from zoo.nn.fast.rows import Rows
from zoo.nn.fast.trial import has_kernels
from zoo.nn.parameter import Parameter
from zoo.nn.write import Write, copy_rows
from zoo.spec.shapes import Pair, Sides

Form = Rows | Planes | Implicit

# Up to so many channels of the high image its taps are copied; measured on a CPU with AVX-512.
FEW_CHANNELS = 4


# Multiply-adds below which the textbook form is as fast.
LITTLE_WORK = 2**17

# Which axes of the weight are (kh, kw, Chigh, Clow): also the order in which layers keep it.
CONVOLUTION = (2, 3, 1, 0)  # of (Clow, Chigh, kh, kw)
TRANSPOSED = (2, 3, 1, 0)  # of (Clow, Chigh, kh, kw)
UPSAMPLED = (2, 3, 0, 1)  # of (Chigh, Clow, kh, kw)


class Weight(NamedTuple):
    """What an operator depends on of a weight.

    Attributes:
        shape: as its layer has it.
        kernels: whether it is on a GPU that has kernels for it.
    """

    shape: tuple[int, ...]
    kernels: bool

    @classmethod
    def of(cls, weight: Tensor) -> Weight:
        """That of a layer's weight."""
        return cls(tuple(weight.shape), has_kernels(weight))


def worth_it(pixels: int, weight: Tensor) -> bool:
    """Whether the fast form pays: ``weight`` is applied to that many pixels."""
    return pixels * weight.numel() >= LITTLE_WORK or (pixels > 0 and has_kernels(weight))


@lru_cache(maxsize=256)
def fast_convolution(
    n: int, size: Pair, y_size: Pair, weight: Weight, stride: Pair, padding: Sides, dilation: Pair
) -> Reduction | Expansion:
    """A convolution without groups, weight of shape (Cout, Cin, kh, kw).

    With stride 1 a convolution is also a transposed one with its taps in reverse, which serves few
    output channels better.
    """
    out_channels, in_channels, *kernel = weight.shape
    before = (padding[0], padding[2])
    axes = _axes(y_size, size, stride, [-p for p in before], kernel, dilation)
    form = _form(axes, n, out_channels, in_channels, weight.kernels)
    few = out_channels <= FEW_CHANNELS < in_channels
    if stride == (1, 1) and few and not isinstance(form, Implicit):
        starts = [p - (k - 1) * d for p, k, d in zip(before, kernel, dilation, strict=True)]
        axes = _axes(size, y_size, stride, starts, kernel, dilation)
        return Expansion(_form(axes, n, in_channels, out_channels), UPSAMPLED, flipped=True)
    return Reduction(form, CONVOLUTION)


@lru_cache(maxsize=256)
def fast_transposed_convolution(
    n: int, size: Pair, y_size: Pair, weight: Weight, stride: Pair, padding: Pair, dilation: Pair
) -> Expansion:
    """A transposed convolution without groups, weight of shape (Cin, Cout, kh, kw)."""
    in_channels, out_channels, *kernel = weight.shape
    axes = _axes(size, y_size, stride, [-p for p in padding], kernel, dilation)
    return Expansion(_form(axes, n, in_channels, out_channels, weight.kernels), TRANSPOSED)


@lru_cache(maxsize=256)
def fast_upsampling(
    n: int, size: Pair, y_size: Pair, weight: Weight, scale: Pair, padding: Sides
) -> Expansion:
    """Nearest-neighbour upsampling, then a convolution with weight (Cout, Cin, kh, kw)."""
    out_channels, in_channels, *kernel = weight.shape
    before = (padding[0], padding[2])
    starts = [p + s - k for p, s, k in zip(before, scale, kernel, strict=True)]
    high = (y_size[0] + scale[0] - 1, y_size[1] + scale[1] - 1)
    axes = _axes(size, high, scale, starts, kernel, (1, 1))
    form = _form(axes, n, in_channels, out_channels, weight.kernels)
    if isinstance(form, Implicit):  # reads the taps in reverse by itself
        return Expansion(replace(form, flipped=True), UPSAMPLED, boxed=True)
    return Expansion(form, UPSAMPLED, flipped=True, boxed=True)


def _axes(
    low: Pair,
    high: Pair,
    stride: Pair,
    starts: Sequence[int],
    kernel: Sequence[int],
    dilation: Pair,
) -> tuple[Axis, Axis]:
    """The two axes, with taps at start, start + d, ..."""
    offsets = [
        tuple(start + tap * step for tap in range(taps))
        for start, step, taps in zip(starts, dilation, kernel, strict=True)
    ]
    rows, columns = map(Axis, low, high, stride, offsets)
    return rows, columns


def _form(
    axes: tuple[Axis, Axis], n: int, low_channels: int, high_channels: int, kernels: bool = False
) -> Form:
    """The three products in the form that serves these channels best."""
    rows, columns = axes
    images = (
        n * low_channels * rows.low * columns.low,
        n * high_channels * rows.high * columns.high,
    )
    form: type[Form] = Planes if high_channels <= FEW_CHANNELS else Rows
    if kernels and serves(rows, columns, images):
        form = Implicit
    return form(rows, columns, n, low_channels, high_channels)


@dataclass(frozen=True)
class _Operator:
    """What both have in common.

    Attributes:
        form: the three products.
        axes: which axes of the weight are (kh, kw, Chigh, Clow).
        flipped: whether the weight's taps are in reverse order.
    """

    form: Form
    axes: tuple[int, int, int, int]
    flipped: bool = False

    def _kernels(self, weight: Parameter) -> Tensor:
        """The weight as (kh, kw, Chigh, Clow), taps in the order of the form."""
        kernels = weight.value.permute(self.axes)
        return _reversed(kernels) if self.flipped else kernels

    def _add_weight_gradient(self, weight: Parameter, low: Tensor, high: Tensor) -> None:
        gradient, add = weight.accumulator()
        gradient = gradient.permute(self.axes)
        if gradient.is_contiguous() and not self.flipped:
            self.form.weight_gradient(gradient, low, high, add)
            return
        ours = gradient.new_empty(gradient.shape)
        self.form.weight_gradient(ours, low, high, add=False)
        ours = _reversed(ours) if self.flipped else ours
        gradient.add_(ours) if add else gradient.copy_(ours)


@dataclass(frozen=True)
class Reduction(_Operator):
    """From the high image to the low one: a convolution."""

    def forward(
        self, x: Tensor, weight: Parameter, bias: Parameter | None, write: Write = copy_rows
    ) -> tuple[Tensor, Tensor]:
        """The output, and what ``backward`` needs of the input."""
        stored = self.form.store_high(x, write=write)
        start = None if bias is None else bias.value
        return self.form.reduce(self.form.operand(stored), self._kernels(weight), start), stored

    def backward(
        self,
        grad_y: Tensor,
        stored: Tensor,
        weight: Parameter,
        bias: Parameter | None,
        input_gradient: bool,
        write: Write = copy_rows,
    ) -> Tensor | None:
        """Add the parameters' gradients; returns x's, or None where nobody needs it."""
        low = self.form.store_low(grad_y, write)
        self._add_weight_gradient(weight, low, self.form.operand(stored))
        if bias is not None:
            bias.add_sum(self.form.low_pixels(low))
        return self.form.expand(low, self._kernels(weight), None) if input_gradient else None


@dataclass(frozen=True)
class Expansion(_Operator):
    """From the low image to the high one: a transposed convolution.

    Attributes:
        boxed: whether the output is summed over s x s pixels: upsampling, then a convolution.
    """

    boxed: bool = False

    def forward(
        self, x: Tensor, weight: Parameter, bias: Parameter | None, write: Write = copy_rows
    ) -> tuple[Tensor, Tensor]:
        """The output, and what ``backward`` needs of the input."""
        low = self.form.store_low(x, write)
        start = None if bias is None else bias.value
        return self.form.expand(low, self._kernels(weight), start, self.boxed), low

    def backward(
        self,
        grad_y: Tensor,
        stored: Tensor,
        weight: Parameter,
        bias: Parameter | None,
        input_gradient: bool,
        write: Write = copy_rows,
    ) -> Tensor | None:
        """Add the parameters' gradients; returns x's, or None where nobody needs it."""
        pixels = self.form.store_high(grad_y, self.boxed, write)
        high = self.form.operand(pixels)
        self._add_weight_gradient(weight, stored, high)
        if bias is not None:
            bias.add_sum(self.form.high_pixels(pixels, self.boxed))
        return self.form.reduce(high, self._kernels(weight), None) if input_gradient else None


def _reversed(kernels: Tensor) -> Tensor:
    """(kh, kw, ...) with the taps in reverse: whole matrices are copied, which flip does not."""
    taps = kernels.flatten(0, 1)
    return taps.index_select(0, _downwards(len(taps), kernels.device)).view(kernels.shape)


@lru_cache(maxsize=64)
def _downwards(count: int, device: torch.device) -> Tensor:
    """count - 1, ..., 1, 0."""
    return torch.arange(count - 1, -1, -1, device=device)
