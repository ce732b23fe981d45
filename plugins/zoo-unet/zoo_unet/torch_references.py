"""The same layers in ``torch.nn``, to be compared with.

torch has no skip connection and no padding to a multiple, so their references are as one
writes them there. ``zoo export`` copies these classes into files that need torch only.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from zoo.nn import Module
from zoo_unet.max_pool2d import MaxPool2d
from zoo_unet.reflect_pad import ReflectPad as ZooReflectPad
from zoo_unet.skip import Skip as ZooSkip

ReferenceOf = Callable[[Module], torch.nn.Module]


def max_pool2d(layer: MaxPool2d, _: ReferenceOf) -> torch.nn.Module:
    """``torch.nn.MaxPool2d``."""
    windows = layer.windows
    return torch.nn.MaxPool2d(windows.kernel, windows.stride, windows.padding, windows.dilation)


def skip(layer: ZooSkip, reference_of: ReferenceOf) -> torch.nn.Module:
    """What the body's reference makes of x, then x."""
    return Skip(reference_of(layer.body))


def reflect_pad(layer: ZooReflectPad, reference_of: ReferenceOf) -> torch.nn.Module:
    """The body's reference on x, extended to a multiple by reflection, and cut back."""
    return ReflectPad(reference_of(layer.body), layer.multiple)


class Skip(torch.nn.Module):
    """What the body makes of x, then x, put together along the channels."""

    def __init__(self, body: torch.nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, Cb + C, H, W)."""
        return torch.cat((self.body(x), x), dim=1)


class ReflectPad(torch.nn.Module):
    """The body on x, extended by reflection to multiples at the bottom and right, and cut back."""

    def __init__(self, body: torch.nn.Module, multiple: tuple[int, int]) -> None:
        super().__init__()
        self.body = body
        self.multiple = multiple

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, Cb, H, W)."""
        height, width = x.shape[-2:]
        bottom, right = -height % self.multiple[0], -width % self.multiple[1]
        if bottom < height and right < width:
            padded = torch.nn.functional.pad(x, (0, right, 0, bottom), mode="reflect")
        else:
            rows, columns = self.reflected(height, bottom), self.reflected(width, right)
            padded = x[..., rows, :][..., columns]
        y: Tensor = self.body(padded)
        return y[..., :height, :width]

    @staticmethod
    def reflected(size: int, added: int) -> list[int]:
        """Which row each row of the padded image repeats: 0, 1, .., H-2, H-1, H-2, .., 1, 0, .."""
        period = max(1, 2 * (size - 1))
        return [min(row % period, -row % period) for row in range(size + added)]
