"""Applying a trained network to images of any size: tensors, and numpy arrays."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.engine import Lowered, lower
from zoo.errors import ArgumentError, ShapeError
from zoo.nn.module import Module
from zoo.spec.shapes import Pair
from zoo.spec.sizes import size_rule

Image = TypeVar("Image", Tensor, NDArray[Any])


@torch.no_grad()
def denoise(model: Module, image: Image) -> Image:
    """The network's output for an image of any size, as a tensor or an array like the given one.

    Networks that reduce and enlarge give back the size of their input only for certain sizes, such
    as multiples of 4. The image is extended to the next such size by reflection at the bottom and
    right, and the output is cut back.

    Args:
        model: the network, in evaluation mode; for many images give ``zoo.engine.lower(model)``,
            otherwise the network is lowered again on every call.
        image: a tensor (N, C, H, W) or (C, H, W) on the model's device, or a numpy array (H, W) or
            (H, W, C). Values of tensors and of arrays of floats are in [0, 1], those of arrays of
            unsigned integers from 0 to the largest of their type.

    Returns:
        The same shape and dtype: floats as the network gives them, integers rounded and clipped.

    Raises:
        ArgumentError: it is no image of a known type, or the network is in training mode.
        ShapeError: the network takes other channels, or gives back no size near the image's.
    """
    fast = model if isinstance(model, Lowered) else lower(model)
    if fast.training:
        raise ArgumentError("denoise: the network is in training mode. Call its eval() first.")
    if isinstance(image, Tensor):
        _check_tensor(image)
        images = image if image.dim() == 4 else image[None]  # N, C, H, W
        denoised = _any_size(fast, images.to(_dtype(fast))).to(image.dtype)
        return denoised if image.dim() == 4 else denoised[0]
    try:
        return _from_tensor(_any_size(fast, _to_tensor(image, fast)), image)
    except ShapeError as error:
        raise ShapeError(f"denoise: the image is an array {image.shape}: {error}") from None


def _any_size(model: Lowered, images: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, H, W)."""
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


def _check_tensor(image: Tensor) -> None:
    if image.dim() not in (3, 4) or not image.is_floating_point():
        raise ArgumentError(
            f"denoise: the image is a tensor {tuple(image.shape)} of {image.dtype}. "
            "Use (N, C, H, W) or (C, H, W) of floats in [0, 1]."
        )


def _to_tensor(image: NDArray[Any], model: Module) -> Tensor:
    """An array (H, W) or (H, W, C) as (1, C, H, W), with values in [0, 1]."""
    if not isinstance(image, np.ndarray) or image.ndim not in (2, 3) or not image.size:
        raise ArgumentError(
            f"denoise: the image is {_what(image)}. Use an array (H, W) or (H, W, C), or a tensor."
        )
    if image.dtype.kind not in "uf":
        raise ArgumentError(
            f"denoise: the image has dtype {image.dtype}. Use unsigned integers or floats."
        )
    values = image.astype(np.float64) / _white(image)
    device = next((value.device for value, _ in model.param()), None)
    channels_first = torch.from_numpy(np.atleast_3d(values)).permute(2, 0, 1)
    return channels_first[None].to(device, _dtype(model))


def _dtype(model: Module) -> torch.dtype:
    """That of the network's parameters."""
    return next((value.dtype for value, _ in model.param()), torch.get_default_dtype())


def _from_tensor(images: Tensor, like: NDArray[Any]) -> NDArray[Any]:
    """(1, C, H, W) as an array of the shape and type of ``like``."""
    values: NDArray[Any] = images[0].permute(1, 2, 0).double().cpu().numpy().reshape(like.shape)
    if like.dtype.kind != "u":
        return values.astype(like.dtype)
    scaled = np.rint(np.clip(values, 0, 1) * _white(like))
    full = scaled >= _white(like)  # of 64 bits no float64 is the largest integer
    result = np.where(full, 0, scaled).astype(like.dtype)
    result[full] = np.iinfo(like.dtype).max
    return result


def _white(image: NDArray[Any]) -> float:
    return float(np.iinfo(image.dtype).max) if image.dtype.kind == "u" else 1.0


def _what(image: object) -> str:
    return (
        f"an array {image.shape}" if isinstance(image, np.ndarray) else f"a {type(image).__name__}"
    )
