"""The contract of layers that act on each element by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import lcm

import torch
from torch import Tensor

from zoo.nn.module import Module


class Activation(Module):
    """Base of layers that map each element by itself and whose gradient follows from their output.

    A layer implements ``apply`` and ``apply_backward``, which write to a tensor they are given. So
    a chain of modules need not keep the activation's input, and a convolution can copy its input
    into its own layout *through* the activation: what the convolution keeps is then the output that
    the activation's backward needs, and neither costs memory or another pass.

    Shapes:
        x, y: any, the same.
    """

    per_image = True

    def apply(self, x: Tensor, out: Tensor) -> None:
        """Write the output for ``x`` to ``out``, which may be ``x`` itself."""
        raise NotImplementedError(f"{type(self).__name__}.apply")

    def apply_backward(self, grad_y: Tensor, y: Tensor, out: Tensor) -> None:
        """Write the gradient with respect to x to ``out``, from that of y and from y itself."""
        raise NotImplementedError(f"{type(self).__name__}.apply_backward")

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
        for x_rows, y_rows in _interleaved([x], parts):
            self.apply(x_rows, y_rows)
        self.save(parts, x.shape)

    def backward_into(self, grad_y: Tensor, parts: Sequence[Tensor]) -> None:
        """``backward``, writing to ``parts`` in the same way."""
        y_parts, shape = self.saved()
        self.require_gradient_shape(grad_y, shape)
        for grad_rows, y_rows, out in _interleaved([grad_y], y_parts, parts):
            self.apply_backward(grad_rows, y_rows, out)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return tuple(input_shape)


def _interleaved(*images: Sequence[Tensor]) -> Iterator[tuple[Tensor, ...]]:
    """The same rows of several images (N, C, H, W), each given as interleaved parts.

    Images in one part may have any shape.
    """
    together = lcm(*map(len, images))
    for row in range(together):
        yield tuple(
            parts[row % len(parts)][:, :, row // len(parts) :: together // len(parts)]
            if together > len(parts)
            else parts[row]
            for parts in images
        )
