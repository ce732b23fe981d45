"""Networks that take only some sizes, on images of any size."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from zoo.engine import Lowered
from zoo.errors import ShapeError
from zoo.nn.module import Module
from zoo.spec.shapes import Pair
from zoo.spec.sizes import size_rule


def any_size(model: Lowered, images: Tensor) -> Tensor:
    """The network's output for images of any size, (N, C, H, W) -> (N, C, H, W).

    Networks that reduce and enlarge give back the size of their input only for certain sizes, such
    as multiples of 4. The images are extended to the next such size by reflection at the bottom and
    right, and the output is cut back.

    Args:
        model: in evaluation mode.
        images: float, on the model's device and of its type.

    Raises:
        ShapeError: the network takes other channels, or gives back no size near the images'.
    """
    channels, height, width = images.shape[1:]
    size = _size_to_give(model, channels, (height, width))
    for axis, extra in ((2, size[0] - height), (3, size[1] - width)):
        if extra:
            index = np.pad(np.arange(images.shape[axis]), (0, extra), mode="reflect")
            images = images.index_select(axis, torch.from_numpy(index).to(images.device))
    return model(images)[:, :, :height, :width]


def _size_to_give(model: Module, channels: int, size: Pair) -> Pair:
    """The next size, of an image of ``size``, that the network gives back."""
    if _output_size(model, channels, size) == size:
        return size
    height, width = (_next_size(model, channels, size, axis) for axis in (0, 1))
    return height, width


def _next_size(model: Module, channels: int, size: Pair, axis: int) -> int:
    def gives_back(n: int) -> bool:
        beside = (n, size[1]) if axis == 0 else (size[0], n)
        outputs = (_output_size(model, channels, candidate) for candidate in ((n, n), beside))
        return any(output is not None and output[axis] == n for output in outputs)

    rule = size_rule(gives_back, size[axis])
    found = None if rule is None else rule.next(size[axis])
    if found is None:
        model.output_shape((channels, *size))  # whose refusal says more
        what = ("height", "width")[axis]
        raise ShapeError(
            f"the network gives back no {what} from {size[axis]} pixels on. "
            "Use images of the size it was trained on."
        )
    return found


def _output_size(model: Module, channels: int, size: Pair) -> Pair | None:
    """(H, W) of the output, None if the network refuses the input or gives other channels."""
    try:
        output = model.output_shape((channels, *size))
    except ShapeError:
        return None
    return (output[1], output[2]) if len(output) == 3 and output[0] == channels else None
