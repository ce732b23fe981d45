"""How the engine computes the layers faster than they do themselves.

``skip`` keeps the order of the images' axes in memory, of which copies into another order are
several times slower, and has the output of its body written beside x where the body can do so; and
the first layers of a network need no gradient of the image.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoo.engine import Elementwise, LoweredModule, backward_weights_only, deferred_forward
from zoo.nn import Module, empty_preserving_format
from zoo_unet.leaky_relu import LeakyReLU
from zoo_unet.reflect_pad import ReflectPad
from zoo_unet.shapes import joined
from zoo_unet.skip import Skip

Lower = Callable[[Module], Module]


def leaky_relu(layer: LeakyReLU, lower: Lower) -> Module:
    """From its output, where that is positive only where the input is."""
    slope = layer.negative_slope
    if slope < 0:
        return layer

    def apply(x: Tensor, out: Tensor) -> None:
        if 0 < slope <= 1:  # the larger of x and a x
            smaller = torch.mul(x, slope, out=_scratch(out, x))
            torch.maximum(x, smaller, out=out)
        else:
            torch.add(x.clamp(min=0), x.clamp(max=0), alpha=slope, out=out)

    def apply_backward(grad_y: Tensor, y: Tensor, out: Tensor) -> None:
        positive = torch.gt(y, 0, out=_scratch(out, grad_y))  # numbers: much faster than where
        if slope <= 1:
            torch.mul(grad_y, positive.clamp_(min=slope), out=out)
        else:
            torch.lerp(grad_y * slope, grad_y, positive, out=out)

    return Elementwise(layer, apply, apply_backward, slope)


def _scratch(out: Tensor, used: Tensor) -> Tensor:
    """Where something may be kept that ``out`` is made of: ``out`` unless that is still used."""
    return torch.empty_like(out) if out.data_ptr() == used.data_ptr() else out


def skip(layer: Skip, lower: Lower) -> Module:
    """With a lowered body."""
    return _LoweredSkip(lower(layer.body))


class _LoweredSkip(Skip, LoweredModule):
    output_reusable = True
    batch_independent = True

    def forward(self, x: Tensor) -> Tensor:
        """Most is copied in the order that it has, or written here in the first place."""
        inner = deferred_forward(self.body, x)
        y_shape = (*x.shape[:-3], *joined("Skip", inner.shape[-3:], x.shape[-3:]))
        channels = inner.shape[-3]
        y = empty_preserving_format(inner.like if inner.shape.numel() >= x.numel() else x, y_shape)
        inner.write(y[..., :channels, :, :])
        y[..., channels:, :, :] = x
        self.save(channels, y_shape)
        return y

    def backward_weights_only(self, grad_y: Tensor) -> None:
        """The body's."""
        channels, y_shape = self.saved()
        self.require_gradient_shape(grad_y, y_shape)
        backward_weights_only(self.body, grad_y.narrow(-3, 0, channels))


def reflect_pad(layer: ReflectPad, lower: Lower) -> Module:
    """With a lowered body."""
    return _LoweredReflectPad(lower(layer.body), layer.multiple)


class _LoweredReflectPad(ReflectPad, LoweredModule):
    def backward_weights_only(self, grad_y: Tensor) -> None:
        """The body's."""
        backward_weights_only(self.body, self._padded_gradient(grad_y))
