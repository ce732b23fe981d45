"""The twins of what zoo itself provides: the same in torch.

The twin of a layer has its arguments and the names of its state dict, and values of its own
(:class:`zoo.plugins.records.TwinEntry`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from zoo.nn import (
    MSE,
    Conv2d,
    ConvTranspose2d,
    Linear,
    Module,
    NearestUpsampling,
    ReLU,
    Sequential,
    Sigmoid,
    Upsampling,
)
from zoo.optim import SGD, Adam

TwinOf = Callable[[Module], torch.nn.Module]


def sequential(layer: Sequential, twin_of: TwinOf) -> torch.nn.Sequential:
    """A chain of the twins of its modules."""
    return torch.nn.Sequential(*map(twin_of, layer))


def conv2d(layer: Conv2d, _: TwinOf) -> torch.nn.Conv2d:
    """``torch.nn.Conv2d``."""
    top, bottom, left, right = layer.padding
    return torch.nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        layer.stride,
        # Only "same" can put more zeros on one side than on the other.
        (top, left) if (top, left) == (bottom, right) else "same",
        layer.dilation,
        layer.groups,
        layer.bias is not None,
    )


def conv_transpose2d(layer: ConvTranspose2d, _: TwinOf) -> torch.nn.ConvTranspose2d:
    """``torch.nn.ConvTranspose2d``."""
    return torch.nn.ConvTranspose2d(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,
        layer.stride,
        layer.padding,
        layer.output_padding,
        layer.groups,
        layer.bias is not None,
        layer.dilation,
    )


def nearest_upsampling(layer: NearestUpsampling, _: TwinOf) -> torch.nn.Upsample:
    """``torch.nn.Upsample``."""
    return torch.nn.Upsample(scale_factor=layer.scale_factor, mode="nearest")


def upsampling(layer: Upsampling, twin_of: TwinOf) -> torch.nn.Sequential:
    """``torch.nn.Upsample``, then ``torch.nn.Conv2d``."""
    return torch.nn.Sequential(
        nearest_upsampling(layer.upsample, twin_of), conv2d(layer.convolution, twin_of)
    )


def linear(layer: Linear, _: TwinOf) -> torch.nn.Linear:
    """``torch.nn.Linear``."""
    return torch.nn.Linear(layer.in_features, layer.out_features, layer.bias is not None)


def relu(layer: ReLU, _: TwinOf) -> torch.nn.ReLU:
    """``torch.nn.ReLU``."""
    return torch.nn.ReLU()


def sigmoid(layer: Sigmoid, _: TwinOf) -> torch.nn.Sigmoid:
    """``torch.nn.Sigmoid``."""
    return torch.nn.Sigmoid()


def mse(loss: MSE) -> torch.nn.MSELoss:
    """``torch.nn.MSELoss``."""
    return torch.nn.MSELoss()


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
