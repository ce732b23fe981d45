"""Leaky rectified linear unit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.nn import Module
from zoo.spec.arguments import number


class LeakyReLU(Module):
    """x where it is positive and a small multiple of it elsewhere. No parameters.

    With a the negative slope::

        forward:  y = x where x > 0, else a x
        backward: grad_x = grad_y where x > 0, else a grad_y   (subgradient a at x = 0)

    Args:
        negative_slope: a.

    Shapes:
        x, y: any, the same.

    Raises:
        ArgumentError: the slope is not a finite number.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html
    Maas, Hannun, Ng: "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.
    """

    batch_independent = True

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = number("LeakyReLU", "negative_slope", negative_slope)

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        self.save(x)
        return torch.where(x > 0, x, self.negative_slope * x)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        (x,) = self.saved()
        self.require_gradient_shape(grad_y, x.shape)
        return torch.where(x > 0, grad_y, self.negative_slope * grad_y)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return tuple(input_shape)
