"""Gaussian error linear unit."""

from __future__ import annotations

from collections.abc import Sequence
from math import pi, sqrt

from torch import Tensor

from zoo.errors import ArgumentError
from zoo.nn import Module

CUBIC = 0.044715  # of the tanh form, from the paper
LINEAR = 2 * sqrt(2 / pi)  # 2 u / (x + 0.044715 x^3)


class GELU(Module):
    """x times the probability that a normal number is less than x. No parameters.

    With P(x) = (1 + erf(x / sqrt(2))) / 2 and p(x) = exp(-x^2 / 2) / sqrt(2 pi)::

        forward:  y = x P(x)
        backward: grad_x = grad_y (P(x) + x p(x))

    With ``approximate="tanh"``, P(x) = (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)) with
    u = sqrt(2 / pi) (x + 0.044715 x^3), and p(x) is its derivative, 2 P(x) (1 - P(x)) du/dx.

    Args:
        approximate: ``"none"`` or ``"tanh"``.

    Shapes:
        x, y: any, the same.

    Raises:
        ArgumentError: ``approximate`` is neither.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.GELU.html
    Hendrycks, Gimpel: "Gaussian Error Linear Units", 2016.
    """

    batch_independent = True

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
        return self._below(x).mul_(x)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(...) -> (...), the same shape."""
        (x,) = self.saved()
        self.require_gradient_shape(grad_y, x.shape)
        below = self._below(x)
        return below.addcmul_(x, self._density(x, below)).mul_(grad_y)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return tuple(input_shape)

    # Each in the memory of its first product: new tensors cost more than what is done to them.

    def _below(self, x: Tensor) -> Tensor:
        """P(x)."""
        if self.approximate == "tanh":
            return (x * x).mul_(CUBIC * LINEAR).add_(LINEAR).mul_(x).sigmoid_()
        return (x * sqrt(0.5)).erf_().add_(1).mul_(0.5)

    def _density(self, x: Tensor, below: Tensor) -> Tensor:
        """p(x), the derivative of P, which is ``below`` there."""
        if self.approximate == "tanh":
            slope = (x * x).mul_(3 * CUBIC * LINEAR).add_(LINEAR)
            return slope.mul_(below).mul_(1 - below)
        return (x * x).mul_(-0.5).exp_().mul_(1 / sqrt(2 * pi))
