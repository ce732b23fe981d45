"""A skip connection of a U-Net."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.nn import Module
from zoo.spec.shapes import image
from zoo_unet.shapes import joined


class Skip(Module):
    """The channels of what a body of layers makes of the input, then those of the input.

    With Cb the channels that the body gives::

        forward:  y = (body(x), x), put together along the channels
        backward: grad_x = body'(grad_y[:Cb]) + grad_y[Cb:]

    A U-Net is such layers inside each other: each body goes down to half of the resolution, through
    the next one, and up again, and the skip connection brings what was lost on the way.

    The names of the state dict are the body's below ``"body."``: ``"body.0.weight"`` and so on.

    Args:
        body: the layers inside.

    Shapes:
        x: (N, C, H, W) or (C, H, W). y: (N, Cb + C, H, W) or (Cb + C, H, W).

    Raises:
        ShapeError: x has another number of axes, the body refuses it, or the body's output has
            another height or width.

    Source: Ronneberger, Fischer, Brox: "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", 2015; the order is that of Lehtinen et al., "Noise2Noise", 2018.
    """

    batch_independent = True

    def __init__(self, body: Module) -> None:
        super().__init__()
        self.body = body
        self.children["body"] = body

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, Cb + C, H, W); also without N."""
        image("Skip", x.shape[x.dim() == 4 :])
        inner = self.body.forward(x)
        y_shape = (*x.shape[:-3], *joined("Skip", inner.shape[-3:], x.shape[-3:]))
        self.save(inner.shape[-3], y_shape)
        return torch.cat((inner, x), dim=-3)

    def backward(self, grad_y: Tensor) -> Tensor:
        """(N, Cb + C, H, W) -> (N, C, H, W); also without N."""
        channels, y_shape = self.saved()
        self.require_gradient_shape(grad_y, y_shape)
        grad_inner, grad_beside = grad_y.tensor_split((channels,), dim=-3)
        return self.body.backward(grad_inner) + grad_beside

    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        """(C, H, W) -> (Cb + C, H, W)."""
        image("Skip", input_shape)
        return joined("Skip", self.body.output_shape(input_shape), input_shape)
