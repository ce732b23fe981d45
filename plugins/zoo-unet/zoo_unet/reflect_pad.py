"""Layers for images of any size, whatever sizes they ask for."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.arguments import pair
from zoo.nn import Module
from zoo.shapes import Pair
from zoo_unet.shapes import cut_back, extended


class ReflectPad(Module):
    """A body of layers on images that are first extended by reflection, and then cut back.

    With x* the image x extended at the bottom and at the right to multiples of M, and r(i) the row
    of x that row i of x* repeats; the same for columns::

        forward:  y = body(x*) without the rows and columns that were added
        backward: grad_x[.., i, :] = sum of grad_x*[.., k, :] over all k with r(k) = i,
                  grad_x* = body'(grad_y, with zeros where y was cut)

    Reflection leaves out the border: r is 0, 1, .., H-2, H-1, H-2, .., 1, 0, 1, .. so that images
    smaller than what is added are reflected again and again. An image that needs nothing is given
    to the body as it is.

    The names of the state dict are the body's below ``"body."``: ``"body.0.weight"`` and so on.

    Args:
        body: the layers inside.
        multiple: M, (vertical, horizontal) or one integer for both.

    Shapes:
        x: (N, C, H, W) or (C, H, W). y: (N, Cb, H, W) or (Cb, H, W), Cb the body's channels.

    Raises:
        ArgumentError: the multiple is not a positive integer or a pair of them.
        ShapeError: x has another number of axes, the body refuses it once it is extended, or the
            body's output has another height or width than its input.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html, which
    reflects once.
    """

    def __init__(self, body: Module, multiple: int | Pair) -> None:
        super().__init__()
        self.multiple = pair("ReflectPad", "multiple", multiple)
        self.body = body
        self.children["body"] = body

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, Cb, H, W); also without N."""
        inner = extended("ReflectPad", x.shape[x.dim() == 4 :], self.multiple)
        padded = x
        for axis in (-2, -1):
            if inner[axis] != x.shape[axis]:
                padded = padded.index_select(
                    axis, _reflection(x.shape[axis], inner[axis], x.device)
                )
        y_padded = self.body.forward(padded)
        y_shape = cut_back("ReflectPad", y_padded.shape[-3:], inner, x.shape[-3:])
        self.save(x.shape, y_padded.shape)
        return y_padded[..., : y_shape[1], : y_shape[2]]

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, Cb, H, W) -> (N, C, H, W); also without N."""
        x_shape, padded_shape = self.saved()
        height, width = x_shape[-2:]
        self.require_gradient_shape(grad_y, (*padded_shape[:-2], height, width))
        grad_padded = grad_y.new_zeros(padded_shape)
        grad_padded[..., :height, :width] = grad_y
        grad_x = self.body.backward(grad_padded)
        for axis in (-2, -1):
            if grad_x.shape[axis] != x_shape[axis]:
                grad_x = _folded(grad_x, x_shape[axis], axis)
        return grad_x

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(C, H, W) -> (Cb, H, W)."""
        inner = extended("ReflectPad", input_shape, self.multiple)
        return cut_back("ReflectPad", self.body.output_shape(inner), inner, input_shape)


def _reflection(size: int, padded: int, device: torch.device) -> Tensor:
    """r: which of the ``size`` rows each of the ``padded`` rows repeats."""
    last = size - 1
    period = max(1, 2 * last)  # down and up again; a single row is repeated
    return last - (torch.arange(padded, device=device) % period - last).abs()


def _folded(grad_padded: Tensor, size: int, axis: int) -> Tensor:
    """The gradient of each row, the sum of those of the rows that repeat it."""
    shape = list(grad_padded.shape)
    shape[axis] = size
    rows = _reflection(size, grad_padded.shape[axis], grad_padded.device)
    return grad_padded.new_zeros(shape).index_add_(axis, rows, grad_padded)
