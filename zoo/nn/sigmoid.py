"""Logistic sigmoid."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from zoo.nn.module import Module


class Sigmoid(Module):
    """The logistic function, for each element: any number to (0, 1). No parameters.

    forward:  y = 1 / (1 + exp(-x))
    backward: grad_x = grad_y y (1 - y)

    Shapes:
        x, y: any, the same.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html
    """

    batch_independent = True

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        y = x.sigmoid()
        self.save(y)
        return y

    def backward(self, grad_y: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        (y,) = self.saved()
        self.require_gradient_shape(grad_y, y.shape)
        grad_x: Tensor = grad_y * (1 - y) * y
        return grad_x

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return tuple(input_shape)
