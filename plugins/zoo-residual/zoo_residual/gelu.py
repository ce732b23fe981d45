"""Gaussian error linear unit."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

import torch
from torch import Tensor

from zoo.errors import ArgumentError
from zoo.nn import Module

CUBIC = 0.044715  # of the tanh form, from the paper


class GELU(Module):
    """x times the probability that a normal number is less than x. No parameters.

    With P(x) = (1 + erf(x / sqrt(2))) / 2 and p(x) = exp(-x^2 / 2) / sqrt(2 pi)::

        forward:  y = x P(x)
        backward: grad_x = grad_y (P(x) + x p(x))

    With ``approximate="tanh"``, P(x) = (1 + tanh(u)) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3),
    and p(x) is its derivative, (1 - tanh(u)^2) / 2 du/dx.

    Args:
        approximate: ``"none"`` or ``"tanh"``.

    Shapes:
        x, y: any, the same.

    Raises:
        ArgumentError: ``approximate`` is neither.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GELU.html
    Hendrycks, Gimpel: "Gaussian Error Linear Units", 2016.
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh"):
            raise ArgumentError(
                f"GELU: approximate is {approximate!r}. Use 'none' or 'tanh'.", "approximate"
            )
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        self.save(x)
        return x * self._below(x)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        (x,) = self.saved()
        self.require_gradient_shape(grad_y, x.shape)
        grad_x: Tensor = grad_y * (self._below(x) + x * self._density(x))
        return grad_x

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return tuple(input_shape)

    def _below(self, x: Tensor) -> Tensor:
        """P(x)."""
        if self.approximate == "tanh":
            return 0.5 * (1 + torch.tanh(_inner(x)))
        return 0.5 * (1 + torch.erf(x * sqrt(0.5)))

    def _density(self, x: Tensor) -> Tensor:
        """p(x), the derivative of P."""
        if self.approximate == "tanh":
            slope = sqrt(2 / pi) * (1 + 3 * CUBIC * x * x)  # du/dx
            return 0.5 * (1 - torch.tanh(_inner(x)).square()) * slope
        return torch.exp(-0.5 * x * x) / sqrt(2 * pi)


def _inner(x: Tensor) -> Tensor:
    """The u of the tanh form."""
    return sqrt(2 / pi) * (x + CUBIC * x * x * x)
