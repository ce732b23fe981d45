"""How a convolution copies images into its own layout: as they are, or through an activation."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# Writes an image (N, C, H, W) to n parts, of which the i-th takes its rows i, i + n, ...
Write = Callable[[Tensor, Sequence[Tensor]], None]


def copy_rows(image: Tensor, parts: Sequence[Tensor]) -> None:
    """Copy the rows of an image (N, C, H, W) to the parts in turn."""
    for number, part in enumerate(parts):
        part.copy_(image[:, :, number :: len(parts)])


def written(image: Tensor, write: Write) -> Tensor:
    """What ``write`` makes of an image: the image itself if it only copies."""
    if write is copy_rows:
        return image
    result = torch.empty_like(image)
    write(image, [result])
    return result
