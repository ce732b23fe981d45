"""How the engine computes the layers faster than they do themselves.

A convolution at the end of a residual connection does the addition, and one at its start that of
the gradients. The first connection needs no gradient of the image; and in evaluation mode batch
normalisation is in the weights of the convolution in front of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor

from zoo.engine import (
    Addition,
    LoweredModule,
    backward_adding,
    backward_weights_only,
    forward_adding,
)
from zoo.nn import Module
from zoo_residual.batch_norm2d import BatchNorm2d
from zoo_residual.residual import Residual
from zoo_residual.shapes import same_as_input


def residual(layer: Residual, lower: Callable[[Module], Module]) -> Module:
    """With a lowered body."""
    return _LoweredResidual(lower(layer.body), layer.scale, layer.sign)


class _LoweredResidual(Residual, LoweredModule):
    output_reusable = True

    def forward(self, x: Tensor) -> Tensor:
        """The body does the addition if it can."""
        y, added = forward_adding(self.body, x, Addition(x, self.factor))
        same_as_input("Residual", y.shape, x.shape)
        self.save(x.shape)
        return y if added else x.add(y, alpha=self.factor)

    def backward(self, grad_y: Tensor) -> Tensor:
        """The body does the addition if it can."""
        (x_shape,) = self.saved()
        self.require_gradient_shape(grad_y, x_shape)
        grad_change = grad_y if self.factor == 1 else grad_y * self.factor
        grad, added = backward_adding(self.body, grad_change, Addition(grad_y))
        return grad if added else grad_y + grad

    def backward_weights_only(self, grad_y: Tensor) -> None:
        """The body's."""
        (x_shape,) = self.saved()
        self.require_gradient_shape(grad_y, x_shape)
        backward_weights_only(self.body, grad_y if self.factor == 1 else grad_y * self.factor)


def batch_norm2d(layer: BatchNorm2d, lower: Callable[[Module], Module]) -> Module:
    """The layer itself, with what the engine may know of it."""
    return _LoweredBatchNorm2d(layer)


class _LoweredBatchNorm2d(LoweredModule):
    output_reusable = True

    def __init__(self, layer: BatchNorm2d) -> None:
        super().__init__()
        self.layer = layer
        self.parameters, self.buffers = layer.parameters, layer.buffers

    def source(self) -> Module:
        """The layer."""
        return self.layer

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W); also without N."""
        return self.layer.forward(x)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W); also without N."""
        return self.layer.backward(grad_y)

    def channel_affine(self) -> tuple[Tensor, Tensor] | None:
        """By the running statistics, in evaluation mode."""
        return self.layer.evaluated() if self.layer.batch_independent else None

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """The input's."""
        return self.layer.output_shape(input_shape)

    def clear_saved(self) -> None:
        """What the layer kept."""
        self.layer.clear_saved()
