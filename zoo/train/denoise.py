"""Applying a trained network to images of any size."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from zoo.errors import ShapeError
from zoo.nn.module import Module

# The largest multiple a network may ask its input size to be of.
LARGEST_MULTIPLE = 256


@torch.no_grad()
def denoise(
    model: Module, images: Tensor, forward: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """The network's output for images of any size, before clipping.

    Networks that reduce and enlarge give back the size of their input only for certain sizes, such
    as multiples of 4. The images are extended to the next such size by reflection at the bottom and
    right, and the output is cut back.

    Args:
        model: the network, in evaluation mode.
        images: (N, C, H, W) on the model's device.
        forward: what applies the model, such as :func:`zoo.engine.lower` of it.

    Returns:
        (N, C, H, W).

    Raises:
        ShapeError: the network gives back no size near the images'.
    """
    forward = forward or model.forward
    channels, height, width = images.shape[1:]
    if _keeps_size(model, images.shape[1:]):
        return forward(images)
    extended = images
    for axis, size in ((2, height), (3, width)):
        extra = _next_size(model, channels, size, axis - 1) - size
        if extra:
            index = np.pad(np.arange(size), (0, extra), mode="reflect")
            extended = extended.index_select(axis, torch.from_numpy(index).to(images.device))
    y = forward(extended)
    return y[:, :, :height, :width]


def _keeps_size(model: Module, shape: Sequence[int]) -> bool:
    try:
        return model.output_shape(shape) == tuple(shape)
    except ShapeError:
        return False


def _next_size(model: Module, channels: int, size: int, axis: int) -> int:
    """The smallest size from ``size`` on that the model gives back along ``axis``."""
    refusal = ""
    for candidate in range(size, size + LARGEST_MULTIPLE):
        try:
            if model.output_shape((channels, candidate, candidate))[axis] == candidate:
                return candidate
        except ShapeError as error:
            refusal = refusal or f"refuses this size ({error})"
    reason = refusal or f"gives back no size from {size} to {size + LARGEST_MULTIPLE - 1} pixels"
    raise ShapeError(f"the network {reason}. Use images of the size it was trained on.")
