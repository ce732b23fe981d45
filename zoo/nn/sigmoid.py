"""Logistic sigmoid."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.nn.activation import Activation


class Sigmoid(Activation):
    """The logistic function, for each element: any number to (0, 1). No parameters.

    forward:  y = 1 / (1 + exp(-x))
    backward: grad_x = grad_y y (1 - y)

    Shapes:
        x, y: any, the same.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html
    """

    def apply(self, x: Tensor, out: Tensor) -> None:
        """y = 1 / (1 + exp(-x))."""
        torch.sigmoid(x, out=out)

    def apply_backward(self, grad_y: Tensor, y: Tensor, out: Tensor) -> None:
        """grad_x = grad_y y (1 - y)."""
        torch.mul(y.neg().add_(1).mul_(grad_y), y, out=out)
