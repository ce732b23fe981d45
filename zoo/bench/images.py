"""The images that are timed with: random, the same for all."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zoo.data.seeding import generator

STREAM = 559  # of random numbers, for zoo.data.seeding


def images(
    shape: Sequence[int],
    batch: int,
    device: torch.device,
    layout: torch.memory_format = torch.contiguous_format,
    index: int = 0,
) -> tuple[Tensor, Tensor]:
    """A batch of noisy images and what they are compared with.

    The target is half of the input and half of other random numbers: there is something to learn,
    so that wrong gradients show in the losses of later steps.

    Args:
        shape: (C, H, W).
        batch: N.
        device: where they are put.
        layout: how they lie in memory.
        index: which batch; each is another one, and always the same.

    Returns:
        x and target, each (N, C, H, W), float32 in [0, 1].
    """
    x, other = torch.rand((2, batch, *shape), generator=generator(0, STREAM, index)).to(device)
    target = (x + other) / 2
    return x.contiguous(memory_format=layout), target.contiguous(memory_format=layout)
