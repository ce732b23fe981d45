"""A plane of an array, a region at a time: floats for a network, and back to the array's type."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.errors import ArgumentError
from zoo.pictures.values import first_unusable

Array = NDArray[Any]


@dataclass(frozen=True)
class Pixels:
    """A plane as it is, and as it becomes.

    Only the region in work is ever converted to floats: of a large picture there is no such copy.

    Attributes:
        before, after: (C, H, W), of the same unsigned integer or float type.
        black, white: the values that are 0 and 1 for the network.
        brighter: whether integers may be above white, as where that was measured.
        strength: how much of the network's output is taken, 0 to 1; the rest is the image.
        device, dtype: what the network computes on and in.
    """

    before: Array
    after: Array
    black: float
    white: float
    brighter: bool
    strength: float
    device: torch.device
    dtype: torch.dtype

    def __post_init__(self) -> None:
        values = np.moveaxis(self.before, 0, -1)
        if wrong := first_unusable(values, self.black, self.white):
            raise ArgumentError(
                f"denoise: a value of the image is {wrong}. Replace what is no finite number, or "
                f"more than 1e15 times white, which is {self.white:g} here."
            )
        high = self.before.max()
        if self._integer and high > self.white and not self.brighter:
            raise ArgumentError(
                f"denoise: the image has values up to {high}, and white is {self.white:g}. "
                f"Use a white of at least {high}."
            )

    def read(self, top: int, bottom: int, left: int, right: int) -> Tensor:
        """That region as a network takes it: (1, C, h, w), white is 1."""
        values = _floats(self.before[:, top:bottom, left:right], self.dtype)
        values = values.to(self.device)
        if self.black:
            values = values.sub_(self.black)
        return values.div_(self.white - self.black).to(self.dtype)[None]

    def write(self, top: int, left: int, values: Tensor) -> None:
        """Put a network's output for a region, (1, C, h, w), in its place.

        Raises:
            ArgumentError: it is not finite.
        """
        height, width = values.shape[-2:]
        region = (slice(None), slice(top, top + height), slice(left, left + width))
        precise = self.before.dtype.itemsize > (2 if self._integer else 4)
        dtype = torch.float64 if precise else torch.float32
        y = values[0].to("cpu", dtype) * (self.white - self.black) + self.black
        if not bool(y.isfinite().all()):
            raise ArgumentError(
                "denoise: the network's output is not finite. Its weights may be damaged, or its "
                "training diverged."
            )
        if self.strength < 1:
            y = _floats(self.before[region], dtype) * (1 - self.strength) + y * self.strength
        if self._integer:
            y = y.round()
        y = y.clamp(*self._ends)
        self.after[region] = y.numpy()

    @cached_property
    def _ends(self) -> tuple[float, float]:
        """The smallest and the largest value that is written, both of the array's type."""
        if self._integer:
            largest = float(np.iinfo(self.before.dtype).max)
            return 0.0, min(largest, max(self.white, float(self.before.max())))
        info = np.finfo(self.before.dtype)
        return float(info.min), float(info.max)

    @property
    def _integer(self) -> bool:
        return self.before.dtype.kind == "u"


def _floats(values: Array, dtype: torch.dtype) -> Tensor:
    """A copy as a tensor of float64 where the values are, or ``dtype`` is; else of float32."""
    double = dtype == torch.float64 or values.dtype == np.float64
    return torch.from_numpy(values.astype(np.float64 if double else np.float32))
