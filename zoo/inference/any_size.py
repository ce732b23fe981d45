"""Networks that take only some sizes, on images of any size."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo.engine import Lowered
from zoo.errors import ShapeError
from zoo.nn.module import Module
from zoo.spec.shapes import Pair
from zoo.spec.sizes import SizeRule, size_rule


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
    size = size_to_give(model, channels, (height, width))
    return model(extended(images, size))[:, :, :height, :width]


def extended(images: Tensor, size: Pair) -> Tensor:
    """Images extended to ``size`` by reflection, at the bottom and at the right."""
    for axis, before, after in zip((2, 3), images.shape[2:], size, strict=True):
        if after > before:
            index = torch.tensor(mirrored(range(after), before), device=images.device)
            images = images.index_select(axis, index)
    return images


def mirrored(positions: range, size: int) -> list[int]:
    """Which of ``size`` pixels is at each position of an axis that is extended by reflection."""
    period = max(1, 2 * (size - 1))
    return [min(at % period, period - at % period) if size > 1 else 0 for at in positions]


def size_to_give(model: Module, channels: int, size: Pair) -> Pair:
    """The next size, of an image of ``size``, that the network gives back.

    Raises:
        ShapeError: the network takes other channels, or gives back no size near it.
    """
    if gives_back(model, channels, size):
        return size
    height, width = (_next_size(model, channels, size, axis) for axis in (0, 1))
    return height, width


def gives_back(model: Module, channels: int, size: Pair) -> bool:
    """Whether the network gives back images of that size."""
    return _output_size(model, channels, size) == size


def rule_of(model: Module, channels: int, size: Pair, axis: int) -> SizeRule | None:
    """The rule behind the sizes that the network gives back along an axis."""

    def gives_back(n: int) -> bool:
        beside = (n, size[1]) if axis == 0 else (size[0], n)
        outputs = (_output_size(model, channels, candidate) for candidate in ((n, n), beside))
        return any(output is not None and output[axis] == n for output in outputs)

    return size_rule(gives_back, size[axis])


def _next_size(model: Module, channels: int, size: Pair, axis: int) -> int:
    rule = rule_of(model, channels, size, axis)
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
