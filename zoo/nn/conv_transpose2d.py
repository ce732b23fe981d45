"""2-D transposed convolution."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch

from zoo.init import PYTORCH, Initializer
from zoo.nn.convolution import Convolution, Operator
from zoo.nn.fast.operators import (
    TRANSPOSED,
    Weight,
    fast_transposed_convolution,
    worth_it,
)
from zoo.nn.parameter import Parameter
from zoo.nn.plain import PlainTransposedConvolution
from zoo.nn.windows import Windows
from zoo.spec.arguments import divisor, end_padding, pair, positive_int
from zoo.spec.shapes import Pair, image, transposed_convolution


class ConvTranspose2d(Convolution):
    """Each input pixel adds a weighted kernel to a window of output pixels.

    It is the gradient of a convolution with respect to its input, so forward and backward are those
    of :class:`zoo.nn.Conv2d` exchanged. With X the input as a matrix, K the weight, B the bias and
    dL/dY* the columns of all windows of the padded dL/dY::

        forward:  Y = K^T X, each column added to its window of y, + B
                                       (Cout*kh*kw, Cin) (Cin, L), for each image
        backward: dL/dK = sum over images of X (dL/dY*)^T
                  dL/dB = sum over images and pixels of dL/dY
                  dL/dX = K dL/dY*

    :class:`zoo.nn.plain.PlainTransposedConvolution` follows these lines word by word.

    Arguments, defaults, shapes and results are those of ``torch.nn.ConvTranspose2d``.

    Args:
        in_channels: Cin.
        out_channels: Cout.
        kernel_size: (kh, kw) or one integer for both, as for the next four but ``groups``.
        stride: pixels between the windows of neighbouring input pixels.
        padding: pixels cut off from both sides of the output.
        output_padding: pixels added at the bottom and right; less than stride or dilation.
        groups: divisor of both channel counts.
        bias: whether there is a bias.
        dilation: step from one kernel tap to the next, in pixels.
        init: how the weight is first filled; as PyTorch does unless given.
        bias_init: how the bias is first filled.
        generator: source of the random initial values; torch's global one unless given.

    Shapes:
        x: (N, Cin, H, W) or (Cin, H, W). y: (N, Cout, Hout, Wout) or (Cout, Hout, Wout), with
        Hout = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1.
        weight: (Cin, Cout/G, kh, kw). bias: (Cout,).

    Raises:
        ArgumentError: impossible arguments.
        ShapeError: x has another number of axes or channels, or y would be empty.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        output_padding: int | Pair = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: int | Pair = 1,
        *,
        init: Initializer = PYTORCH,
        bias_init: Initializer = PYTORCH,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        name = "ConvTranspose2d"
        self.in_channels = positive_int(name, "in_channels", in_channels)
        self.out_channels = positive_int(name, "out_channels", out_channels)
        self.kernel_size = pair(name, "kernel_size", kernel_size)
        self.stride = pair(name, "stride", stride)
        self.padding = pair(name, "padding", padding, minimum=0)
        self.groups = divisor(name, groups, in_channels, out_channels)
        self.dilation = pair(name, "dilation", dilation)
        self.output_padding = end_padding(name, output_padding, self.stride, self.dilation)
        shape = (in_channels, out_channels // groups, *self.kernel_size)
        weight = Parameter.initialized(shape, init, shape, generator)
        self.parameters["weight"] = weight.order_in_memory(*TRANSPOSED)
        if bias:
            self.parameters["bias"] = Parameter.initialized(
                (out_channels,), bias_init, shape, generator
            )

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, int, int]:
        """(Cin, H, W) -> (Cout, Hout, Wout)."""
        size = image("ConvTranspose2d", input_shape, self.in_channels)
        size = transposed_convolution(
            "ConvTranspose2d",
            size,
            self.kernel_size,
            self.stride,
            self.padding,
            self.output_padding,
            self.dilation,
        )
        return (self.out_channels, *size)

    def operator(self, n: int, size: Pair, y_size: Pair) -> Operator:
        """The fast form for most images, see there; the textbook form for small ones and groups."""
        if self.groups > 1 or not worth_it(n * prod(size), self.weight):
            windows = Windows(self.kernel_size, self.stride, self.dilation, size)
            sides = (self.padding[0], self.padding[0], self.padding[1], self.padding[1])
            return PlainTransposedConvolution(windows, sides, y_size, self.groups)
        return fast_transposed_convolution(
            n, size, y_size, Weight.of(self.weight), self.stride, self.padding, self.dilation
        )


TransposeConv2d = ConvTranspose2d
