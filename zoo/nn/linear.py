"""Affine map of the last axis."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.init import PYTORCH, Initializer
from zoo.nn.module import Module
from zoo.nn.parameter import Parameter
from zoo.spec.arguments import positive_int
from zoo.spec.shapes import leading_axes


class Linear(Module):
    """An affine map of the last axis.

    forward:  y = x W^T + b
    backward: grad_x = grad_y W
              grad_weight = grad_y^T x,  grad_bias = sum of grad_y,  over all but the last axis

    Args:
        in_features: size of the last axis of x.
        out_features: size of the last axis of y.
        bias: whether there is a bias.
        init: how the weight is first filled; as PyTorch does unless given.
        bias_init: how the bias is first filled.
        generator: source of the random initial values; torch's global one unless given.

    Shapes:
        x: (..., in_features). y: (..., out_features).
        weight: (out_features, in_features). bias: (out_features,).

    Raises:
        ArgumentError: impossible arguments.
        ShapeError: the last axis of x is not in_features.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Linear.html
    """

    batch_independent = True

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        init: Initializer = PYTORCH,
        bias_init: Initializer = PYTORCH,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.in_features = positive_int("Linear", "in_features", in_features)
        self.out_features = positive_int("Linear", "out_features", out_features)
        shape = (self.out_features, self.in_features)
        self.parameters["weight"] = Parameter.initialized(shape, init, shape, generator)
        if bias:
            self.parameters["bias"] = Parameter.initialized(shape[:1], bias_init, shape, generator)

    def forward(self, x: Tensor) -> Tensor:
        """(..., in_features) -> (..., out_features)."""
        y_shape = self.output_shape(x.shape)
        rows = x.reshape(x.shape[:-1].numel(), self.in_features)  # N, in_features
        self.save(rows, x.shape)
        if self.bias is None:
            y = rows @ self.weight.t()
        else:
            y = torch.addmm(self.bias, rows, self.weight.t())
        return y.view(y_shape)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(..., out_features) -> (..., in_features)."""
        rows, x_shape = self.saved()
        self.require_gradient_shape(grad_y, (*x_shape[:-1], self.out_features))
        grad_rows = grad_y.reshape(len(rows), self.out_features)  # N, out_features
        self.add_gradients(weight=grad_rows.t() @ rows)
        if self.bias is not None:
            self.add_gradients(bias=grad_rows.sum(0))
        return (grad_rows @ self.weight).view(x_shape)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(..., in_features) -> (..., out_features)."""
        return (*leading_axes("Linear", input_shape, self.in_features), self.out_features)
