"""Nearest-neighbour upsampling followed by a convolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.init import PYTORCH, Initializer
from zoo.nn.conv2d import Conv2d
from zoo.nn.module import Module
from zoo.nn.nearest_upsampling import NearestUpsampling
from zoo.spec.shapes import Pair


class Upsampling(Module):
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

    batch_independent = True

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
        self.children = {"0": self.upsample, "1": self.convolution}

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N, Cout, Hout, Wout); also without N."""
        return self.convolution.forward(self.upsample.forward(x))

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, Cout, Hout, Wout) -> (N, Cin, H, W); also without N."""
        return self.upsample.backward(self.convolution.backward(grad_y))

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(Cin, H, W) -> (Cout, Hout, Wout)."""
        return self.convolution.output_shape(self.upsample.output_shape(input_shape))

    def _layer(self) -> Module:
        return self.convolution
