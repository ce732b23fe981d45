"""Leaky rectified linear unit."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.nn import Activation
from zoo.spec.arguments import number


class LeakyReLU(Activation):
    """x where it is positive and a small multiple of it elsewhere. No parameters.

    With a the negative slope::

        forward:  y = x where x > 0, else a x
        backward: grad_x = grad_y where x > 0, else a grad_y   (subgradient a at x = 0)

    Where a >= 0, y is positive where x is, so y is all that backward needs. Where a < 0 it is
    positive elsewhere too; but then y = |z| with z the same function with slope -a, and z is kept.

    Args:
        negative_slope: a.

    Shapes:
        x, y: any, the same.

    Raises:
        ArgumentError: the slope is not a finite number.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html
    Maas, Hannun, Ng: "Rectifier Nonlinearities Improve Neural Network Acoustic Models", 2013.
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = number("LeakyReLU", "negative_slope", negative_slope)

    def forward_into(self, x: Tensor, parts: Sequence[Tensor]) -> None:
        """``forward``, writing to n parts: an image's rows i, i + n, ... to the i-th."""
        if self.negative_slope >= 0:
            super().forward_into(x, parts)
            return
        kept = [torch.empty_like(part) for part in parts]
        super().forward_into(x, kept)
        for y, z in zip(parts, kept, strict=True):
            torch.abs(z, out=y)

    def apply(self, x: Tensor, out: Tensor) -> None:
        """The larger of x and |a| x, or what is the same for any slope."""
        slope = abs(self.negative_slope)
        if 0 < slope <= 1:
            smaller = torch.mul(x, slope, out=_space(out, x))
            torch.maximum(x, smaller, out=out)
        else:
            torch.add(x.clamp(min=0), x.clamp(max=0), alpha=slope, out=out)

    def apply_backward(self, grad_y: Tensor, y: Tensor, out: Tensor) -> None:
        """grad_x = grad_y times 1 where y > 0, times a elsewhere."""
        positive = torch.gt(y, 0, out=_space(out, grad_y))  # 1 or 0: many times faster than where
        if 0 <= self.negative_slope <= 1:
            torch.mul(grad_y, positive.clamp_(min=self.negative_slope), out=out)
        else:
            torch.lerp(grad_y * self.negative_slope, grad_y, positive, out=out)


def _space(out: Tensor, used: Tensor) -> Tensor:
    """Where something may be kept that ``out`` is made of: ``out`` unless that is still used."""
    return torch.empty_like(out) if out.data_ptr() == used.data_ptr() else out
