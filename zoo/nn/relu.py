"""Rectified linear unit."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.nn.activation import Activation


class ReLU(Activation):
    """The larger of x and 0, for each element. No parameters.

    forward:  y = max(x, 0)
    backward: grad_x = grad_y where x > 0, else 0   (subgradient 0 at x = 0)

    Shapes:
        x, y: any, the same.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ReLU.html
    """

    def apply(self, x: Tensor, out: Tensor) -> None:
        """y = max(x, 0)."""
        torch.clamp(x, min=0, out=out)

    def apply_backward(self, grad_y: Tensor, y: Tensor, out: Tensor) -> None:
        """grad_x = grad_y (y != 0): a 1 where x > 0, a 0 elsewhere."""
        in_place = out.data_ptr() == grad_y.data_ptr()
        passes = torch.empty_like(y) if in_place else out  # as numbers: much faster than where
        torch.ne(y, 0, out=passes)
        torch.mul(grad_y, passes, out=out)
