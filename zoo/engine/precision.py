"""A float32 network computed in bfloat16."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import torch
from torch import Tensor

from zoo.engine.network import Network
from zoo.nn.module import Module


class Bfloat16Network:
    """Forward and backward pass of a float32 network, computed by a copy of it in bfloat16.

    Each ``forward`` rounds the weights anew; ``backward_weights_only`` adds the gradients to those
    of the float32 network. Buffers are shared, so running statistics stay float32.

    Args:
        model: the model, of any floating dtype; the copy is made once and is always in training
            mode.

    Shapes:
        x, y, grad_y: those of the network, in its dtype.
    """

    def __init__(self, model: Module) -> None:
        self.model = model
        self._network = Network(deepcopy(model).to(torch.bfloat16).train())
        self._copy = self._network.model
        modules = zip(self._copy.modules(), model.modules(), strict=True)
        self._buffers = [(copied.buffers, module.buffers) for copied, module in modules]
        self._share_buffers()

    def modules(self) -> Iterator[Module]:
        """The layers that compute: those of the copy."""
        return self._network.modules()

    def forward(self, x: Tensor) -> Tensor:
        """The output for ``x``."""
        copies = [copied.value for copied in self._copy.param()]
        torch._foreach_copy_(copies, [parameter.value for parameter in self.model.param()])
        self._share_buffers()
        y = self._network.forward(x.to(torch.bfloat16))
        self._keep_replaced_buffers()
        return y.to(x.dtype)

    def backward_weights_only(self, grad_y: Tensor) -> None:
        """Add the gradients of the latest ``forward``'s parameters."""
        self._copy.zero_grad()
        self._network.backward_weights_only(grad_y.to(torch.bfloat16))
        for copied, parameter in zip(self._copy.param(), self.model.param(), strict=True):
            parameter.add_gradient(copied.gradient.to(parameter.value.dtype))

    def clear_saved(self) -> None:
        """Drop what the latest ``forward`` kept."""
        self._network.clear_saved()

    def _share_buffers(self) -> None:
        for copied, own in self._buffers:
            copied.update(own)

    def _keep_replaced_buffers(self) -> None:
        """What a layer has put in the place of a buffer, instead of changing it in place."""
        for copied, own in self._buffers:
            for name, buffer in own.items():
                if copied[name] is not buffer:
                    buffer.copy_(copied[name])
