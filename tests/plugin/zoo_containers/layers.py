"""The containers themselves, written by hand."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.nn import Module


class Residual(Module):
    """y = x + body(x); grad_x = grad_y + body'(grad_y)."""

    def __init__(self, body: Module) -> None:
        super().__init__()
        self.children = {"body": body}

    def forward(self, x: Tensor) -> Tensor:
        """The input and what the body makes of it."""
        return x + self.children["body"].forward(x)

    def backward(self, grad_y: Tensor) -> Tensor:
        """Both ways back."""
        return grad_y + self.children["body"].backward(grad_y)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The body's, which is the input's."""
        return self.children["body"].output_shape(input_shape)


class Concat(Module):
    """y has the channels of x, then those of body(x); grad_x = grad_y[:C] + body'(grad_y[C:])."""

    def __init__(self, body: Module) -> None:
        super().__init__()
        self.children = {"body": body}

    def forward(self, x: Tensor) -> Tensor:
        """The channels of both; the channel axis is the third from the end."""
        y = torch.cat([x, self.children["body"].forward(x)], dim=-3)
        self.save(x.shape[-3], y.shape)
        return y

    def backward(self, grad_y: Tensor) -> Tensor:
        """The first channels straight back, the others through the body."""
        channels, shape = self.saved()
        self.require_gradient_shape(grad_y, shape)
        straight = grad_y.narrow(-3, 0, channels)
        through = grad_y.narrow(-3, channels, grad_y.shape[-3] - channels)
        return straight + self.children["body"].backward(through)

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """More channels."""
        inner = self.children["body"].output_shape(input_shape)
        return input_shape[0] + inner[0], *input_shape[1:]
