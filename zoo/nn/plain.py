"""Convolutions as textbooks write them: the definition that the fast forms are compared with.

They also serve what the fast forms do not: groups, and images so small that it does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.nn.parameter import Parameter
from zoo.nn.windows import Windows, crop, for_each_image, pad, to_rows
from zoo.nn.write import Write, copy_rows, written
from zoo.spec.shapes import Pair, Sides


@dataclass(frozen=True)
class PlainConvolution:
    """A convolution as a product with the columns of all windows (im2col).

    The formulas of :class:`zoo.nn.Conv2d`, with X as ``columns`` and K as ``_matrices``.

    Attributes:
        windows: one for each output pixel, on the padded x.
        padding: zero pixels around x.
        groups: G; each part of the channels has its own X, K and Y.
    """

    windows: Windows
    padding: Sides
    groups: int

    def forward(
        self, x: Tensor, weight: Parameter, bias: Parameter | None, write: Write = copy_rows
    ) -> tuple[Tensor, Tensor]:
        """(N, Cin, H, W) -> (N, Cout, Hout, Wout), and the padded x."""
        padded = pad(x, self.padding, write)
        y = x.new_empty(len(x), weight.value.shape[0], *self.windows.grid)
        for part in self.windows.parts(padded):
            columns = part.windows.gather(part.of_image(padded), self.groups)
            y_part = part.of_grid(y)
            y_part.copy_(self._product(columns, weight, bias).view(y_part.shape))
        return y, padded

    def backward(
        self,
        grad_y: Tensor,
        padded: Tensor,
        weight: Parameter,
        bias: Parameter | None,
        input_gradient: bool,
        write: Write = copy_rows,
    ) -> Tensor | None:
        """(N, Cout, Hout, Wout) -> (N, Cin, H, W), None if nobody needs it."""
        grad_y = written(grad_y, write)
        grad_padded = torch.zeros_like(padded)
        for part in self.windows.parts(padded):
            columns = part.windows.gather(part.of_image(padded), self.groups)
            grad_rows = to_rows(part.of_grid(grad_y), self.groups)  # N*G, Cout/G, L
            n = len(columns) // self.groups
            grad_kernels = torch.bmm(grad_rows, columns.transpose(1, 2))
            weight.add_gradient(grad_kernels.view(n, *weight.value.shape).sum(0))
            grad_columns = torch.bmm(_matrices(weight, self.groups, n).transpose(1, 2), grad_rows)
            part.windows.scatter(grad_columns, part.of_image(grad_padded))
        if bias is not None:
            bias.add_gradient(grad_y.sum((0, 2, 3)))
        top, bottom, left, right = self.padding
        size = (padded.shape[2] - top - bottom, padded.shape[3] - left - right)
        return crop(grad_padded, self.padding, size) if input_gradient else None

    def _product(self, columns: Tensor, weight: Parameter, bias: Parameter | None) -> Tensor:
        """K X + B: (N*G, Cin/G*kh*kw, L) -> (N*G, Cout/G, L)."""
        n = len(columns) // self.groups
        if bias is None:
            return torch.bmm(_matrices(weight, self.groups, n), columns)
        # Starting the sum from the bias saves a rounding: bit for bit torch.nn's result.
        start = for_each_image(bias.value.view(self.groups, -1, 1), n)  # N*G, Cout/G, 1
        return torch.baddbmm(start, _matrices(weight, self.groups, n), columns)


@dataclass(frozen=True)
class PlainTransposedConvolution:
    """A transposed convolution: forward and backward of a convolution exchanged.

    The formulas of :class:`zoo.nn.ConvTranspose2d`, with X as ``rows``, K as ``_matrices`` and
    dL/dY* as ``columns``.

    Attributes:
        windows: one for each input pixel, on the padded y.
        padding: pixels cut off from the padded y.
        size: (Hout, Wout).
        groups: G; each part of the channels has its own X, K and Y.
    """

    windows: Windows
    padding: Sides
    size: Pair
    groups: int

    def forward(
        self, x: Tensor, weight: Parameter, bias: Parameter | None, write: Write = copy_rows
    ) -> tuple[Tensor, Tensor]:
        """(N, Cin, H, W) -> (N, Cout, Hout, Wout), and x."""
        x = written(x, write)
        top, bottom, left, right = self.padding
        height, width = self.size
        channels = weight.value.shape[1] * self.groups
        padded = x.new_zeros(len(x), channels, top + height + bottom, left + width + right)
        if bias is not None:
            padded += bias.value.view(-1, 1, 1)
        for part in self.windows.parts(padded):
            rows = to_rows(part.of_grid(x), self.groups)  # N*G, Cin/G, L
            kernels = _matrices(weight, self.groups, len(rows) // self.groups)
            columns = torch.bmm(kernels.transpose(1, 2), rows)  # N*G, Cout/G*kh*kw, L
            part.windows.scatter(columns, part.of_image(padded))
        return crop(padded, self.padding, self.size), x

    def backward(
        self,
        grad_y: Tensor,
        x: Tensor,
        weight: Parameter,
        bias: Parameter | None,
        input_gradient: bool,
        write: Write = copy_rows,
    ) -> Tensor | None:
        """(N, Cout, Hout, Wout) -> (N, Cin, H, W), None if nobody needs it."""
        padded = pad(grad_y, self.padding, write)
        grad_x = torch.empty_like(x)
        for part in self.windows.parts(padded):
            columns = part.windows.gather(part.of_image(padded), self.groups)
            rows = to_rows(part.of_grid(x), self.groups)  # N*G, Cin/G, L
            n = len(rows) // self.groups
            grad_kernels = torch.bmm(rows, columns.transpose(1, 2))  # N*G, Cin/G, Cout/G*kh*kw
            weight.add_gradient(grad_kernels.view(n, *weight.value.shape).sum(0))
            grad_part = part.of_grid(grad_x)
            product = torch.bmm(_matrices(weight, self.groups, n), columns)
            grad_part.copy_(product.view(grad_part.shape))
        if bias is not None:
            bias.add_gradient(crop(padded, self.padding, self.size).sum((0, 2, 3)))
        return grad_x if input_gradient else None


def _matrices(weight: Parameter, groups: int, n: int) -> Tensor:
    """The weight (C, ...) as a matrix (C/G, ...) for each group of each of n images."""
    return for_each_image(weight.value.reshape(groups, weight.value.shape[0] // groups, -1), n)
