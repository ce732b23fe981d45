"""Applying a trained network to images of any size: tensors, and numpy arrays."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.engine import Lowered, lower
from zoo.errors import ArgumentError, ShapeError
from zoo.inference.any_size import any_size
from zoo.nn.module import Module

Image = TypeVar("Image", Tensor, NDArray[Any])


class Denoiser:
    """A trained network that takes pictures as they are: of any size, and of the usual types.

    Args:
        model: the network, in evaluation mode, as :func:`zoo.load_checkpoint` gives it.

    Raises:
        ArgumentError: the network is in training mode.
    """

    def __init__(self, model: Module) -> None:
        self.network = model if isinstance(model, Lowered) else lower(model)
        if model.training:
            raise ArgumentError("denoise: the network is in training mode. Call its eval() first.")

    @torch.no_grad()
    def __call__(self, image: Image) -> Image:
        """The denoised image, as a tensor or an array like the given one.

        Args:
            image: a tensor (N, C, H, W) or (C, H, W) on the model's device, or a numpy array (H, W)
                or (H, W, C). Values of tensors and of arrays of floats are in [0, 1], those of
                arrays of unsigned integers from 0 to the largest of their type.

        Returns:
            The same shape and dtype: floats as the network gives them, integers rounded and
            clipped.

        Raises:
            ArgumentError: it is no image of a known type.
            ShapeError: the network takes other channels, or gives back no size near the image's.
        """
        if isinstance(image, Tensor):
            _check_tensor(image)
            images = image if image.dim() == 4 else image[None]  # N, C, H, W
            denoised = any_size(self.network, images.to(_dtype(self.network))).to(image.dtype)
            return denoised if image.dim() == 4 else denoised[0]
        try:
            return _from_tensor(any_size(self.network, _to_tensor(image, self.network)), image)
        except ShapeError as error:
            raise ShapeError(f"denoise: the image is an array {image.shape}: {error}") from None


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
