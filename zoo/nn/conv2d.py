"""2-D convolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.init import PYTORCH, Initializer
from zoo.nn.im2col import Windows, col2im, crop, for_each_image, im2col, pad
from zoo.nn.module import Module
from zoo.nn.parameter import Parameter
from zoo.spec.arguments import divisor, pair, positive_int, sides
from zoo.spec.shapes import Pair, convolution, image


class Conv2d(Module):
    """Each output pixel is a weighted sum of a window of input pixels (a cross-correlation).

    With X the columns of all windows of the padded x, K the weight and B the bias::

        forward:  Y = K X + B          (Cout, Cin*kh*kw) (Cin*kh*kw, L) + (Cout, 1), for each image
        backward: dL/dK = sum over images of dL/dY X^T
                  dL/dB = sum over images and pixels of dL/dY
                  dL/dX = K^T dL/dY, each column added back to its window of the padded x;
                          then the padding is cut off

    With ``groups`` = G the channels fall into G parts, each convolved with its own kernels: then
    there are N*G matrices of each kind, with Cout/G and Cin/G in place of Cout and Cin.
    Arguments, defaults, shapes and results are those of ``torch.nn.Conv2d`` with zero padding.

    Args:
        in_channels: Cin.
        out_channels: Cout.
        kernel_size: (kh, kw), or one integer for both; stride, padding and dilation likewise.
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
        Hout = floor((H + padding - dilation (kh - 1) - 1) / stride) + 1, where padding is the sum
        of both sides.
        weight: (Cout, Cin/G, kh, kw). bias: (Cout,).

    Raises:
        ArgumentError: impossible arguments.
        ShapeError: x has another number of axes or channels, or is smaller than the kernel.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Conv2d.html
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
        self.parameters["weight"] = Parameter.initialized(shape, init, shape, generator)
        if bias:
            self.parameters["bias"] = Parameter.initialized(shape[:1], bias_init, shape, generator)

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N, Cout, Hout, Wout); also without N."""
        y_shape = self.output_shape(x.shape[x.dim() == 4 :])
        images = x if x.dim() == 4 else x.unsqueeze(0)  # N, Cin, H, W
        windows = Windows(self.kernel_size, self.stride, self.dilation, y_shape[1:])
        columns = im2col(pad(images, self.padding), windows, self.groups)  # N*G, Cin/G*kh*kw, L
        kernels = self._kernels(len(images))  # N*G, Cout/G, Cin/G*kh*kw
        if self.bias is None:
            y = torch.bmm(kernels, columns)  # N*G, Cout/G, L
        else:  # starting the sums from the bias saves a rounding: bit for bit torch.nn's result
            bias = for_each_image(self.bias.view(self.groups, -1, 1), len(images))
            y = torch.baddbmm(bias, kernels, columns)
        self.save(images, windows, (*x.shape[:-3], *y_shape))
        return y.view(*x.shape[:-3], *y_shape)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, Cout, Hout, Wout) -> (N, Cin, H, W); also without N."""
        images, windows, y_shape = self.saved()
        self.require_gradient_shape(grad_y, y_shape)
        padded = pad(images, self.padding)
        columns = im2col(padded, windows, self.groups)  # N*G, Cin/G*kh*kw, L
        kernels = self._kernels(len(images))  # N*G, Cout/G, Cin/G*kh*kw
        grad_rows = grad_y.reshape(*kernels.shape[:2], columns.shape[2])  # N*G, Cout/G, L
        grad_kernels = torch.bmm(grad_rows, columns.mT)  # N*G, Cout/G, Cin/G*kh*kw
        self.add_gradients(weight=grad_kernels.view(-1, *self.weight.shape).sum(0))
        if self.bias is not None:
            self.add_gradients(bias=grad_y.reshape(-1, *y_shape[-3:]).sum((0, 2, 3)))
        grad_columns = torch.bmm(kernels.mT, grad_rows)  # N*G, Cin/G*kh*kw, L
        grad_padded = col2im(grad_columns, torch.zeros_like(padded), windows)
        grad_images = crop(grad_padded, self.padding, images.shape[2:])  # N, Cin, H, W
        return grad_images if grad_y.dim() == 4 else grad_images.squeeze(0)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, int, int]:
        """(Cin, H, W) -> (Cout, Hout, Wout)."""
        size = image("Conv2d", input_shape, self.in_channels)
        size = convolution(
            "Conv2d", size, self.kernel_size, self.stride, self.padding, self.dilation
        )
        return (self.out_channels, *size)

    def _kernels(self, n: int) -> Tensor:
        """The weight as G matrices, repeated for n images: (N*G, Cout/G, Cin/G*kh*kw)."""
        matrices = self.weight.reshape(self.groups, self.out_channels // self.groups, -1)
        return for_each_image(matrices, n)
