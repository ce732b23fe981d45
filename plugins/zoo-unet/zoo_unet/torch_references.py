"""The same layers in ``torch.nn``, for ``zoo bench`` to compare with.

torch has no skip connection and no padding to a multiple, so their twins are written as one writes
them there.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoo.nn import Module
from zoo.spec.shapes import Pair
from zoo_unet.leaky_relu import LeakyReLU
from zoo_unet.max_pool2d import MaxPool2d
from zoo_unet.reflect_pad import ReflectPad
from zoo_unet.skip import Skip

TwinOf = Callable[[Module], torch.nn.Module]


def leaky_relu(layer: LeakyReLU, _: TwinOf) -> torch.nn.Module:
    """``torch.nn.LeakyReLU``."""
    return torch.nn.LeakyReLU(layer.negative_slope)


def max_pool2d(layer: MaxPool2d, _: TwinOf) -> torch.nn.Module:
    """``torch.nn.MaxPool2d``."""
    windows = layer.windows
    return torch.nn.MaxPool2d(windows.kernel, windows.stride, windows.padding, windows.dilation)


def skip(layer: Skip, twin_of: TwinOf) -> torch.nn.Module:
    """What the body's twin makes of x, then x."""
    return TorchSkip(twin_of(layer.body))


def reflect_pad(layer: ReflectPad, twin_of: TwinOf) -> torch.nn.Module:
    """The body's twin on x, extended to a multiple by reflection, and cut back."""
    return TorchReflectPad(twin_of(layer.body), layer.multiple)


class TorchSkip(torch.nn.Module):
    """``Skip`` in torch."""

    def __init__(self, body: torch.nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, Cb + C, H, W)."""
        return torch.cat((self.body(x), x), dim=1)


class TorchReflectPad(torch.nn.Module):
    """``ReflectPad`` in torch, which reflects once: less is added than the image has."""

    def __init__(self, body: torch.nn.Module, multiple: Pair) -> None:
        super().__init__()
        self.body = body
        self.multiple = multiple

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, Cb, H, W)."""
        height, width = x.shape[-2:]
        bottom, right = -height % self.multiple[0], -width % self.multiple[1]
        padded = torch.nn.functional.pad(x, (0, right, 0, bottom), mode="reflect")
        y: Tensor = self.body(padded)
        return y[..., :height, :width]
