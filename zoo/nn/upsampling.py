"""Nearest-neighbour upsampling followed by a convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from zoo.init import PYTORCH, Initializer
from zoo.nn.conv2d import Conv2d
from zoo.nn.convolution import Convolution, Operator
from zoo.nn.fast.operators import UPSAMPLED, Weight, fast_upsampling, worth_it
from zoo.nn.module import Module
from zoo.nn.nearest_upsampling import NearestUpsampling, repeat_pixels, sum_blocks
from zoo.nn.parameter import Parameter
from zoo.nn.write import Write, copy_rows, written
from zoo.spec.shapes import Pair, repeated


class Upsampling(Convolution):
    """:class:`zoo.nn.NearestUpsampling`, then :class:`zoo.nn.Conv2d`, as one module.

    It does the work of a strided transposed convolution without its checkerboard artefacts (Odena,
    Dumoulin, Olah: "Deconvolution and Checkerboard Artifacts", Distill 2016).

    forward:  y = conv(upsample(x))
    backward: grad_x = upsample'(conv'(grad_y)), the convolution adding its parameters' gradients

    The state dict is that of ``torch.nn.Sequential(torch.nn.Upsample(...), torch.nn.Conv2d(...))``:
    ``"1.weight"`` and ``"1.bias"``.

    Args:
        in_channels: Cin.
        out_channels: Cout.
        kernel_size: the convolution's, as are all but the next.
        scale_factor: (sh, sw) of the upsampling, or one integer for both.
        stride, padding, dilation, groups, bias, init, bias_init, generator: see Conv2d.

    Shapes:
        x: (N, Cin, H, W) or (Cin, H, W). y: as Conv2d's for an input of sh H x sw W.
        weight: (Cout, Cin/G, kh, kw). bias: (Cout,).

    Raises:
        ArgumentError: impossible arguments.
        ShapeError: x has another number of axes or channels, or is smaller than the kernel.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair | str = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        scale_factor: int | Pair = 2,
        *,
        init: Initializer = PYTORCH,
        bias_init: Initializer = PYTORCH,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.upsample = NearestUpsampling(scale_factor)
        self.convolution = Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            init=init,
            bias_init=bias_init,
            generator=generator,
        )
        self.convolution.parameters["weight"].order_in_memory(*UPSAMPLED)
        self.children = {"0": self.upsample, "1": self.convolution}

    @classmethod
    def of(cls, upsample: NearestUpsampling, convolution: Conv2d) -> Upsampling:
        """The two layers, with their parameters, as one."""
        layer = cls.__new__(cls)
        Module.__init__(layer)
        layer.upsample, layer.convolution = upsample, convolution
        layer.children = {"0": upsample, "1": convolution}
        layer.training = convolution.training
        return layer

    def operator(self, n: int, size: Pair, y_size: Pair) -> Operator:
        """The fast form where there is one; else that of the convolution, after upsampling."""
        scale, layer = self.upsample.scale_factor, self.convolution
        one_by_one = layer.stride == layer.dilation == (1, 1) and layer.groups == 1
        if scale != (1, 1) and one_by_one and worth_it(n * prod(size), layer.weight):
            kind = Weight.of(layer.weight)
            return fast_upsampling(n, size, y_size, kind, scale, layer.padding)
        return AfterUpsampling(scale, layer.operator(n, repeated(size, scale), y_size))

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(Cin, H, W) -> (Cout, Hout, Wout)."""
        return self.convolution.output_shape(self.upsample.output_shape(input_shape))

    def _layer(self) -> Module:
        return self.convolution


@dataclass(frozen=True)
class AfterUpsampling:
    """A convolution of the upsampled input, as one operator.

    Attributes:
        scale: the factors of the upsampling.
        convolution: the operator for the upsampled size.
    """

    scale: Pair
    convolution: Operator

    def forward(
        self, x: Tensor, weight: Parameter, bias: Parameter | None, write: Write = copy_rows
    ) -> tuple[Tensor, Tensor]:
        """The output, and what ``backward`` needs of the input."""
        return self.convolution.forward(repeat_pixels(written(x, write), self.scale), weight, bias)

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
        grad = self.convolution.backward(grad_y, stored, weight, bias, input_gradient, write)
        return None if grad is None else sum_blocks(grad, self.scale)
