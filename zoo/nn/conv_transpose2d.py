"""2-D transposed convolution."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.init import PYTORCH, Initializer
from zoo.nn.im2col import Windows, col2im, crop, for_each_image, im2col, pad
from zoo.nn.module import Module
from zoo.nn.parameter import Parameter
from zoo.spec.arguments import divisor, end_padding, pair, positive_int
from zoo.spec.shapes import Pair, Sides, image, transposed_convolution


class ConvTranspose2d(Module):
    """Each input pixel adds a weighted kernel to a window of output pixels.

    It is the gradient of a convolution with respect to its input, so forward and backward are those
    of :class:`zoo.nn.Conv2d` exchanged. With X the input as a matrix, K the weight, B the bias and
    dL/dY* the columns of all windows of the padded dL/dY::

        forward:  Y = K^T X, each column added to its window of y, + B
                                       (Cout*kh*kw, Cin) (Cin, L), for each image
        backward: dL/dK = sum over images of X (dL/dY*)^T
                  dL/dB = sum over images and pixels of dL/dY
                  dL/dX = K dL/dY*

    With ``groups`` = G the channels fall into G parts, as in Conv2d.

    Arguments, defaults, shapes and results are those of ``torch.nn.ConvTranspose2d``.

    Args:
        in_channels: Cin.
        out_channels: Cout.
        kernel_size: (kh, kw), or one integer for both; stride, padding, output_padding and
            dilation likewise.
        stride: step between the windows of neighbouring input pixels, in output pixels.
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

    batch_independent = True

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
        self.parameters["weight"] = Parameter.initialized(shape, init, shape, generator)
        if bias:
            self.parameters["bias"] = Parameter.initialized(
                (out_channels,), bias_init, shape, generator
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N, Cout, Hout, Wout); also without N."""
        y_shape = self.output_shape(x.shape[x.dim() == 4 :])
        images = x if x.dim() == 4 else x.unsqueeze(0)  # N, Cin, H, W
        size = (images.shape[2], images.shape[3])
        windows = Windows(self.kernel_size, self.stride, self.dilation, size)
        kernels = self._kernels(len(images))  # N*G, Cin/G, Cout/G*kh*kw
        rows = self._rows(images)  # N*G, Cin/G, L
        columns = torch.bmm(kernels.mT, rows)  # N*G, Cout/G*kh*kw, L
        padded = pad(x.new_zeros(len(images), *y_shape), self._sides)
        if self.bias is not None:
            padded += self.bias.view(-1, 1, 1)
        y = crop(col2im(columns, padded, windows), self._sides, y_shape[1:])
        self.save(images, windows, (*x.shape[:-3], *y_shape))
        return y if x.dim() == 4 else y.squeeze(0)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, Cout, Hout, Wout) -> (N, Cin, H, W); also without N."""
        images, windows, y_shape = self.saved()
        self.require_gradient_shape(grad_y, y_shape)
        grad_images = grad_y.reshape(len(images), *y_shape[-3:])  # N, Cout, Hout, Wout
        grad_columns = im2col(pad(grad_images, self._sides), windows, self.groups)
        kernels = self._kernels(len(images))  # N*G, Cin/G, Cout/G*kh*kw
        rows = self._rows(images)  # N*G, Cin/G, L
        grad_kernels = torch.bmm(rows, grad_columns.mT)  # N*G, Cin/G, Cout/G*kh*kw
        self.add_gradients(weight=grad_kernels.view(len(images), *self.weight.shape).sum(0))
        if self.bias is not None:
            self.add_gradients(bias=grad_images.sum((0, 2, 3)))
        grad_x = torch.bmm(kernels, grad_columns)  # N*G, Cin/G, L
        return grad_x.view(*y_shape[:-3], *images.shape[1:])

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

    @property
    def _sides(self) -> Sides:
        """The pixels that are cut off at the top, bottom, left and right."""
        return (self.padding[0], self.padding[0], self.padding[1], self.padding[1])

    def _kernels(self, n: int) -> Tensor:
        """The weight as G matrices, repeated for n images: (N*G, Cin/G, Cout/G*kh*kw)."""
        matrices = self.weight.reshape(self.groups, self.in_channels // self.groups, -1)
        return for_each_image(matrices, n)

    def _rows(self, images: Tensor) -> Tensor:
        """(N, Cin, H, W) -> (N*G, Cin/G, L)."""
        n, channels, height, width = images.shape
        return images.reshape(n * self.groups, channels // self.groups, height * width)


TransposeConv2d = ConvTranspose2d  # the name that the project of EPFL's course EE-559 asks for
