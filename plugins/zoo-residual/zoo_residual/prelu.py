"""Parametric rectified linear unit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.nn import Module, Parameter
from zoo.spec.arguments import positive_int
from zoo_residual.shapes import one_or_each_channel


class PReLU(Module):
    """x where it is positive and a multiple of it elsewhere; the multiples a are trained.

    forward:  y = x where x > 0, else a x
    backward: grad_x = grad_y where x > 0, else a grad_y
              grad_a = sum of grad_y x where x <= 0, over all numbers that a is used for

    Args:
        num_parameters: 1 for one a, or C for one for each channel.
        init: the value that a starts with.

    Shapes:
        x, y: any, the same; with C parameters (N, C, H, W) or (C, H, W).
        weight: (num_parameters,), the values of a.

    Raises:
        ArgumentError: the number of parameters is not a positive integer.
        ShapeError: x is no image of C channels.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.PReLU.html
    He, Zhang, Ren, Sun: "Delving Deep into Rectifiers", 2015.
    """

    batch_independent = True

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        self.num_parameters = positive_int("PReLU", "num_parameters", num_parameters)
        self.parameters["weight"] = Parameter(torch.full((self.num_parameters,), float(init)))

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        self.output_shape(x.shape[x.dim() == 4 :])
        self.save(x)
        return torch.addcmul(x.clamp(min=0), self._slopes(), x.clamp(max=0))

    def backward(self, grad_y: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        (x,) = self.saved()
        self.require_gradient_shape(grad_y, x.shape)
        slopes = self._slopes()
        grad_slopes = x.clamp(max=0).mul_(grad_y).sum_to_size(slopes.shape)
        self.add_gradients(weight=grad_slopes.view(-1))
        positive = torch.gt(x, 0, out=torch.empty_like(x))  # 1 or 0: many times faster than where
        return torch.lerp(slopes * grad_y, grad_y, positive)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return one_or_each_channel("PReLU", input_shape, self.num_parameters)

    def _slopes(self) -> Tensor:
        """The weight with axes like those of x: (1,) or (C, 1, 1)."""
        return self.weight if self.num_parameters == 1 else self.weight.view(-1, 1, 1)
