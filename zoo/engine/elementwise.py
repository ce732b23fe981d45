"""Layers that act on each element by itself, written to wherever a neighbour wants their output.

So a chain need not keep an activation's input, and a convolution can pack its input *through* the
activation: what the convolution keeps is then the output that the activation's backward needs, and
neither costs memory or another pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import lcm

import torch
from torch import Tensor

from zoo.engine.module import LoweredModule
from zoo.nn.module import Module


class Elementwise(LoweredModule):
    """A layer without parameters whose gradient follows from its output.

    Args:
        layer: the textbook layer.
        apply: ``apply(x, out)`` writes the output for x to ``out``, which may be x itself.
        apply_backward: ``apply_backward(grad_y, y, out)`` writes the gradient with respect to x to
            ``out``, which may be grad_y itself.
        slope: at least 0, of a layer whose output is x where that is positive, and slope x
            elsewhere: a convolution before it, or after it on the way back, may do its work.
    """

    def __init__(
        self,
        layer: Module,
        apply: Callable[[Tensor, Tensor], object],
        apply_backward: Callable[[Tensor, Tensor, Tensor], object],
        slope: float | None = None,
    ) -> None:
        super().__init__()
        self.layer = layer
        self.apply = apply
        self.apply_backward = apply_backward
        self.slope = slope

    def source(self) -> Module:
        """The layer."""
        return self.layer

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        y = torch.empty_like(x)
        self.forward_into(x, [y])
        return y

    def backward(self, grad_y: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        grad_x = torch.empty_like(grad_y)
        self.backward_into(grad_y, [grad_x])
        return grad_x

    def forward_into(self, x: Tensor, parts: Sequence[Tensor]) -> None:
        """``forward``, writing to n parts: an image's rows i, i + n, ... to the i-th."""
        for x_rows, y_rows in _matching_rows([x], parts):
            self.apply(x_rows, y_rows)
        self.save(parts, x.shape)

    def backward_into(self, grad_y: Tensor, parts: Sequence[Tensor]) -> None:
        """``backward``, writing to ``parts`` in the same way."""
        y_parts, shape = self.saved()
        self.layer.require_gradient_shape(grad_y, shape)
        for grad_rows, y_rows, out in _matching_rows([grad_y], y_parts, parts):
            self.apply_backward(grad_rows, y_rows, out)

    def keep_output(self, y: Tensor) -> None:
        """Let y be the output of the latest ``forward``, which something else has computed."""
        self.save([y], y.shape)

    def kept_output(self) -> Tensor | None:
        """The output of the latest ``forward``, if it is one tensor."""
        parts, _ = self.saved()
        return parts[0] if len(parts) == 1 else None

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return self.layer.output_shape(input_shape)


def relu(x: Tensor, out: Tensor) -> None:
    """y = max(x, 0)."""
    torch.clamp(x, min=0, out=out)


def relu_backward(grad_y: Tensor, y: Tensor, out: Tensor) -> None:
    """grad_x = grad_y (y != 0): a 1 where x > 0, a 0 elsewhere."""
    in_place = out.data_ptr() == grad_y.data_ptr()
    mask = torch.empty_like(y) if in_place else out  # of numbers: much faster than where
    torch.ne(y, 0, out=mask)
    torch.mul(grad_y, mask, out=out)


def sigmoid(x: Tensor, out: Tensor) -> None:
    """y = 1 / (1 + exp(-x))."""
    torch.sigmoid(x, out=out)


def sigmoid_backward(grad_y: Tensor, y: Tensor, out: Tensor) -> None:
    """grad_x = grad_y y (1 - y)."""
    torch.mul(y.neg().add_(1).mul_(grad_y), y, out=out)


def _matching_rows(*images: Sequence[Tensor]) -> Iterator[tuple[Tensor, ...]]:
    """The same rows of several images (N, C, H, W), each given as interleaved parts.

    Images in one part may have any shape.
    """
    period = lcm(*map(len, images))
    for row in range(period):
        yield tuple(
            parts[row % len(parts)][:, :, row // len(parts) :: period // len(parts)]
            if period > len(parts)
            else parts[row]
            for parts in images
        )
