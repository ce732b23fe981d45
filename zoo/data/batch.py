"""One batch of training images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """What one training step takes.

    Attributes:
        x: noisy images, (N, C, H, W) float32; not clipped, so values may lie outside [0, 1].
        target: what the network should return, (N, C, H, W) float32.
        mask: (N, 1, H, W) of 0 and 1, the pixels of the target that carry information; None for
            all of them.
        kept: tensors of N rows that the pairing keeps from drawing a batch to correcting it.
    """

    x: Tensor
    target: Tensor
    mask: Tensor | None = None
    kept: tuple[Tensor, ...] = ()

    def pinned(self) -> Batch:
        """A copy in page-locked memory, from which a GPU can copy while the CPU goes on."""
        return self._map(lambda tensor: tensor.pin_memory())

    def to(self, device: torch.device) -> Batch:
        """The batch on ``device``; the copy does not block if this one is pinned."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def rows(self, start: int, stop: int) -> Batch:
        """The images from ``start`` to before ``stop``, in the same memory."""
        return self._map(lambda tensor: tensor[start:stop])

    def _map(self, function: Callable[[Tensor], Tensor]) -> Batch:
        mask = None if self.mask is None else function(self.mask)
        return Batch(function(self.x), function(self.target), mask, tuple(map(function, self.kept)))


def put(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on ``device``; nobody waits for the copy to a GPU."""
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=True)
