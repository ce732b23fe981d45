"""2-D convolution."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch

from zoo.init import PYTORCH, Initializer
from zoo.nn.convolution import Convolution, Operator
from zoo.nn.fast.operators import CONVOLUTION, Weight, fast_convolution, worth_it
from zoo.nn.parameter import Parameter
from zoo.nn.plain import PlainConvolution
from zoo.nn.windows import Windows
from zoo.spec.arguments import divisor, pair, positive_int, sides
from zoo.spec.shapes import Pair, convolution, image


class Conv2d(Convolution):
    """Each output pixel is a weighted sum of a window of input pixels (a cross-correlation).

    With X the columns of all windows of the padded x, K the weight and B the bias::

        forward:  Y = K X + B          (Cout, Cin*kh*kw) (Cin*kh*kw, L) + (Cout, 1), for each image
        backward: dL/dK = sum over images of dL/dY X^T
                  dL/dB = sum over images and pixels of dL/dY
                  dL/dX = K^T dL/dY, each column added back to its window of x

    :class:`zoo.nn.plain.PlainConvolution` follows these lines word by word, and is the definition.
    :mod:`zoo.nn.fast` computes the same without ever making X.

    With ``groups`` = G the channels fall into G parts, each convolved with its own kernels.
    Arguments, defaults, shapes and results are those of ``torch.nn.Conv2d`` with zero padding.

    Args:
        in_channels: Cin.
        out_channels: Cout.
        kernel_size: (kh, kw) or one integer for both, as for the next three.
        stride: step from one window to the next, in pixels.
        padding: zero pixels added on both sides; or ``"valid"`` for none, or ``"same"`` for an
            output of the input's size (stride 1; an odd total puts the extra pixel right/bottom).
        dilation: step from one kernel tap to the next, in pixels.
        groups: divisor of both channel counts.
        bias: whether there is a bias.
        init: how the weight is first filled; as PyTorch does unless given.
        bias_init: how the bias is first filled.
        generator: source of the random initial values; torch's global one unless given.

    Shapes:
        x: (N, Cin, H, W) or (Cin, H, W). y: (N, Cout, Hout, Wout) or (Cout, Hout, Wout), with
        Hout = floor((H + padding - dilation (kh - 1) - 1) / stride) + 1, padding of both sides.
        weight: (Cout, Cin/G, kh, kw). bias: (Cout,).

    Raises:
        ArgumentError: impossible arguments.
        ShapeError: x has another number of axes or channels, or is smaller than the kernel.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
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
        *,
        init: Initializer = PYTORCH,
        bias_init: Initializer = PYTORCH,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = positive_int("Conv2d", "in_channels", in_channels)
        self.out_channels = positive_int("Conv2d", "out_channels", out_channels)
        self.kernel_size = pair("Conv2d", "kernel_size", kernel_size)
        self.stride = pair("Conv2d", "stride", stride)
        self.dilation = pair("Conv2d", "dilation", dilation)
        self.groups = divisor("Conv2d", groups, in_channels, out_channels)
        self.padding = sides("Conv2d", padding, self.kernel_size, self.stride, self.dilation)
        shape = (out_channels, in_channels // groups, *self.kernel_size)
        weight = Parameter.initialized(shape, init, shape, generator)
        self.parameters["weight"] = weight.order_in_memory(*CONVOLUTION)
        if bias:
            self.parameters["bias"] = Parameter.initialized(shape[:1], bias_init, shape, generator)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, int, int]:
        """(Cin, H, W) -> (Cout, Hout, Wout)."""
        size = image("Conv2d", input_shape, self.in_channels)
        size = convolution(
            "Conv2d", size, self.kernel_size, self.stride, self.padding, self.dilation
        )
        return (self.out_channels, *size)

    def operator(self, n: int, size: Pair, y_size: Pair) -> Operator:
        """The fast form for most images, see there; the textbook form for small ones and groups."""
        if self.groups > 1 or not worth_it(n * prod(y_size), self.weight):
            windows = Windows(self.kernel_size, self.stride, self.dilation, y_size)
            return PlainConvolution(windows, self.padding, self.groups)
        return fast_convolution(
            n, size, y_size, Weight.of(self.weight), self.stride, self.padding, self.dilation
        )
