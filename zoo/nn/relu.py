"""Rectified linear unit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.nn.module import Module


class ReLU(Module):
    """The larger of x and 0, for each element. No parameters.

    forward:  y = max(x, 0)
    backward: grad_x = grad_y where x > 0, else 0   (subgradient 0 at x = 0)

    Shapes:
        x, y: any, the same.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU.html
    """

    batch_independent = True

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        y = x.clamp(min=0)
        self.save(y)
        return y

    def backward(self, grad_y: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        (y,) = self.saved()
        self.require_gradient_shape(grad_y, y.shape)
        return torch.mul(grad_y, y != 0)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return tuple(input_shape)
