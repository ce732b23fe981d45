"""How the engine computes a residual connection: the first needs no gradient of the image."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from zoo.engine import LoweredModule, backward_weights_only
from zoo.nn import Module
from zoo_residual.residual import Residual


def residual(layer: Residual, lower: Callable[[Module], Module]) -> Module:
    """With a lowered body."""
    return _LoweredResidual(lower(layer.body), layer.scale, layer.sign)


class _LoweredResidual(Residual, LoweredModule):
    output_reusable = True

    def backward_weights_only(self, grad_y: Tensor) -> None:
        """The body's."""
        (x_shape,) = self.saved()
        self.require_gradient_shape(grad_y, x_shape)
        backward_weights_only(self.body, grad_y if self.factor == 1 else grad_y * self.factor)
