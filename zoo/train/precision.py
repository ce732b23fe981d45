"""What a training step computes in: ``[train] precision``.

============ =====================================================================================
``float32``  every number and every product in float32; TF32 is off
``tf32``     the factors of matrix products are rounded to TF32 (10 bits after the point instead of
             23), as tensor cores take them; everything else in float32. NVIDIA GPUs only
``bfloat16`` forward and backward pass in bfloat16 (7 bits after the point), with a copy of the
             weights; the weights themselves, the loss, the gradients that are kept and the
             optimizer in float32, without which small updates of a weight would be rounded away
============ =====================================================================================

bfloat16 has the range of float32, so losses need no scaling. Only training steps differ:
validation, checkpoints and evaluation are float32 with each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy

import torch
from torch import Tensor

from zoo.architecture import Architecture
from zoo.nn.module import Module

FIRST_WITH_TF32 = (8, 0)  # the compute capability of Ampere


def check_precision(spec: Architecture, device: torch.device) -> None:
    """Refuse a precision that the device does not have, instead of computing in another one.

    Raises:
        ArchitectureError: ``train.precision`` is "tf32", and the device has no TF32.
    """
    if spec.train.precision == "tf32" and not _has_tf32(device):
        raise spec.error(
            ("train", "precision"),
            f'is "tf32", and the device {device} has no TF32. '
            'Use "float32" or "bfloat16", or an NVIDIA GPU of compute capability 8.0 or later.',
        )


def _has_tf32(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= FIRST_WITH_TF32


@contextmanager
def products_in(precision: str) -> Iterator[None]:
    """Within it matrix products of float32 are those of ``precision``; afterwards as before."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class InBfloat16:
    """Forward and backward pass of a float32 network, computed by a copy of it in bfloat16.

    Each ``forward`` rounds the weights anew; ``backward_parameters`` adds the gradients to those of
    the float32 network. Buffers are shared, so running statistics stay float32.

    Args:
        model: the network, of any floating dtype; the copy is made once and is always in training
            mode.

    Shapes:
        x, y, grad_y: those of the network, in its dtype.
    """

    def __init__(self, model: Module) -> None:
        self._model = model
        self._copy = deepcopy(model).to(torch.bfloat16).train()
        modules = zip(self._copy.modules(), model.modules(), strict=True)
        self._buffers = [(copied.buffers, module.buffers) for copied, module in modules]
        self._share_buffers()

    def modules(self) -> Iterator[Module]:
        """The layers that compute: those of the copy."""
        return self._copy.modules()

    def forward(self, x: Tensor) -> Tensor:
        """The output for ``x``."""
        copies = [copied.value for copied in self._copy.param()]
        torch._foreach_copy_(copies, [parameter.value for parameter in self._model.param()])
        self._share_buffers()
        y = self._copy.forward(x.to(torch.bfloat16))
        self._keep_replaced_buffers()
        return y.to(x.dtype)

    def _share_buffers(self) -> None:
        for copied, own in self._buffers:
            copied.update(own)

    def _keep_replaced_buffers(self) -> None:
        """What a layer has put in the place of a buffer, instead of changing it in place."""
        for copied, own in self._buffers:
            for name, buffer in own.items():
                if copied[name] is not buffer:
                    buffer.copy_(copied[name])

    def backward_parameters(self, grad_y: Tensor) -> None:
        """Add the gradients of the latest ``forward``'s parameters."""
        self._copy.zero_grad()
        self._copy.backward_parameters(grad_y.to(torch.bfloat16))
        for copied, parameter in zip(self._copy.param(), self._model.param(), strict=True):
            parameter.add_gradient(copied.gradient.to(parameter.value.dtype))
