"""The torch references of what zoo itself provides: the same in torch.

A record names the function that makes one (:class:`zoo.plugins.records.ReferencedEntry`), and
nothing else in zoo says what something is called there. The reference of a layer has its arguments
and the names of its state dict, and values of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from zoo.nn import (
    L1,
    MSE,
    Conv2d,
    Module,
    NearestUpsampling,
    Sequential,
    Upsampling,
)
from zoo.optim import SGD, Adam

ReferenceOf = Callable[[Module], torch.nn.Module]


def same_name(layer: Module, _: ReferenceOf) -> torch.nn.Module:
    """The layer of ``torch.nn`` with the name of the layer's class.

    Its arguments are what the layer keeps under their names; ``bias`` is whether there is one.
    """
    torch_layer: type[torch.nn.Module] = getattr(torch.nn, type(layer).__name__)
    arguments: dict[str, Any] = {
        name: getattr(layer, name)
        for name in signature(torch_layer).parameters
        if name != "bias" and hasattr(layer, name)
    }
    if "bias" in signature(torch_layer).parameters:
        arguments["bias"] = "bias" in layer.parameters
    return torch_layer(**arguments)


def sequential(layer: Sequential, reference_of: ReferenceOf) -> torch.nn.Sequential:
    """A chain of the references of its modules."""
    return torch.nn.Sequential(*map(reference_of, layer))


def conv2d(layer: Conv2d, _: ReferenceOf) -> torch.nn.Conv2d:
    """``torch.nn.Conv2d``, whose padding is the same on both sides unless it is "same"."""
    top, bottom, left, right = layer.padding
    return torch.nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        layer.stride,
        (top, left) if (top, left) == (bottom, right) else "same",
        layer.dilation,
        layer.groups,
        layer.bias is not None,
    )


def nearest_upsampling(layer: NearestUpsampling, _: ReferenceOf) -> torch.nn.Upsample:
    """``torch.nn.Upsample``."""
    return torch.nn.Upsample(scale_factor=layer.scale_factor, mode="nearest")


def upsampling(layer: Upsampling, reference_of: ReferenceOf) -> torch.nn.Sequential:
    """``torch.nn.Upsample``, then ``torch.nn.Conv2d``."""
    return torch.nn.Sequential(
        nearest_upsampling(layer.upsample, reference_of), conv2d(layer.convolution, reference_of)
    )


class Masked(torch.nn.Module):
    """A loss of torch.nn; with a mask, its mean over the elements where that is 1.

    Args:
        kind: the loss's class.
    """

    def __init__(self, kind: type[torch.nn.MSELoss] | type[torch.nn.L1Loss]) -> None:
        super().__init__()
        self.mean, self.each = kind(), kind(reduction="none")

    def forward(self, y: Tensor, target: Tensor, mask: Tensor | None = None) -> Tensor:
        """The loss, a tensor without axes; the mask broadcasts to y's shape."""
        if mask is None:
            of_all: Tensor = self.mean(y, target)
            return of_all
        kept = mask.to(y.dtype).expand_as(y)
        total: Tensor = (self.each(y, target) * kept).sum()
        return total / kept.sum().clamp(min=1)


def mse(loss: MSE) -> Masked:
    """``torch.nn.MSELoss``."""
    return Masked(torch.nn.MSELoss)


def l1(loss: L1) -> Masked:
    """``torch.nn.L1Loss``."""
    return Masked(torch.nn.L1Loss)


def sgd(optimizer: SGD, parameters: Iterable[Tensor]) -> torch.optim.SGD:
    """``torch.optim.SGD``, for all tensors at once: ``fused`` takes longer for small ones."""
    return torch.optim.SGD(
        parameters,
        lr=optimizer.lr,
        momentum=optimizer.momentum,
        dampening=optimizer.dampening,
        weight_decay=optimizer.weight_decay,
        nesterov=optimizer.nesterov,
        maximize=optimizer.maximize,
        foreach=True,
    )


def adam(optimizer: Adam, parameters: Iterable[Tensor]) -> torch.optim.Adam:
    """``torch.optim.Adam``, fused into one pass over each tensor: its fastest form."""
    return torch.optim.Adam(
        parameters,
        lr=optimizer.lr,
        betas=optimizer.betas,
        eps=optimizer.eps,
        weight_decay=optimizer.weight_decay,
        amsgrad=optimizer.amsgrad,
        maximize=optimizer.maximize,
        fused=True,
    )
