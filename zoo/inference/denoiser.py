"""Applying a trained network to pictures: arrays of the usual types, and tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from zoo.engine import Lowered, lower
from zoo.engine.compiled.build import problem as kernels_problem
from zoo.errors import ArgumentError, ShapeError
from zoo.inference.layout import layout_of
from zoo.inference.pixels import Pixels
from zoo.inference.plane import Progress, denoise_plane
from zoo.inference.symmetries import IDENTITY, SYMMETRIES, Symmetry
from zoo.inference.tiles import tiled_tensor
from zoo.nn.module import Module
from zoo.pictures.values import Depth, ValueRange, doubt_of_white
from zoo.spec.value_range import ALLOWED, fits_float32

Image = TypeVar("Image", Tensor, NDArray[Any])

MOST_CHANNELS = 1024  # that a network is asked for
PROBE = 256  # a size that most networks take, in pixels
LARGEST_INTEGER = 4  # bytes; more than float64 holds


class Denoiser:
    """A trained network that takes pictures as they are: of any size, and of the usual types.

    Args:
        model: the network, in evaluation mode, as :func:`zoo.load_checkpoint` gives it.
        value_range: black and white where nothing is said, as the network was trained with; None
            for those of an image's type.
        warn: called with a message where values hint at another white than their type's.

    Raises:
        ArgumentError: the network is in training mode.
    """

    def __init__(
        self,
        model: Module,
        value_range: ValueRange | None = None,
        warn: Callable[[str], object] = lambda message: None,
    ) -> None:
        self.value_range, self._warn = value_range, warn
        self.network = model if isinstance(model, Lowered) else lower(model)
        if model.training:
            raise ArgumentError("denoise: the network is in training mode. Call its eval() first.")

    def precision(self, dtype: np.dtype[Any]) -> str:
        """What arrays of a type are computed in: the network's type, or ``fast``.

        That is float32 with convolutions that round more (:func:`zoo.engine.lower`): by 1e-5, where
        the levels of 8 bits are 4e-3 apart. It depends on nothing but the type and the machine.
        """
        device, kind = self._kind()
        known = kind == torch.float32 and device.type == "cpu"
        if dtype == np.uint8 and known and not kernels_problem():
            return "fast"
        return str(kind).removeprefix("torch.")

    @cached_property
    def _fast(self) -> Lowered:
        return lower(self.network.model, fast=True)

    @torch.no_grad()
    def __call__(
        self,
        image: Image,
        *,
        axes: str | None = None,
        strength: float = 1.0,
        ensemble: bool = False,
        tile: int | None = None,
        black: float = 0.0,
        white: float | None = None,
        brighter: bool = False,
        on_progress: Callable[[float], object] = lambda done: None,
    ) -> Image:
        """The denoised image, as a tensor or an array like the given one.

        A network of one channel denoises each channel of a colour image by itself; one of three is
        given a grey image three times, and its outputs are averaged.

        Args:
            image: an array (H, W), (H, W, C) or what ``axes`` says, of unsigned integers or floats,
                or a tensor (N, C, H, W) or (C, H, W) of floats in [0, 1] on the model's device.
            axes: a letter for each axis of an array: Y and X, C or S for channels, and any others,
                as in ``"TYX"`` or ``"ZCYX"``. Each plane Y x X is denoised by itself; channels are
                colours, denoised together, where the network takes as many.
            strength: how much of the denoised image is taken, 0 to 1; the rest is the image.
            ensemble: denoise the image in all eight orientations, which takes eight times as long,
                and average.
            tile: side of the squares that a large image is denoised in, in pixels; None for what
                fits into memory. The result is the same.
            black: the value of black, with ``white``.
            white: the value of white: 4095 for 12 bits in 16. None for what the network was trained
                with, else for the largest of an integer type, and for 1 of floats.
            brighter: whether integers may be above ``white``; they always may be where it is the
                network's own.
            on_progress: called after each tile of an array with the part that is done, 0 to 1; what
                it raises ends the work.

        Returns:
            The same shape and dtype: floats as the network gives them, integers rounded and
            clipped.

        Raises:
            ArgumentError: it is no image of a known type, or an option is out of range.
            ShapeError: the network takes other channels, or gives back no size near the image's.
        """
        if not 0 <= strength <= 1:
            raise ArgumentError(f"denoise: strength is {strength}. Use 0 to 1.")
        if tile is not None and not (isinstance(tile, Integral) and tile >= 1):
            raise ArgumentError(f"denoise: tile is {tile}. Use an integer >= 1.")
        if isinstance(image, Tensor):
            _check_tensor(image, axes, white)
            images = image if image.dim() == 4 else image[None]
            return self._tensor(images, strength, ensemble, tile).reshape(image.shape)
        _check_array(image, black, white)
        layout = layout_of(image.shape, axes, self.takes)
        after = np.empty_like(image, subok=False)
        planes = list(zip(layout.planes(image), layout.planes(after), strict=True))
        if white is None:
            black, white = self._range(image)
            brighter = self.value_range is not None
            if self.value_range is None and image.size:
                self._check_white(image, white)
        symmetries = SYMMETRIES if ensemble else (IDENTITY,)
        progress = Progress(len(planes) * len(symmetries) * planes[0][0].size, on_progress)
        device, dtype = self._kind()
        network = self._fast if self.precision(image.dtype) == "fast" else self.network
        try:
            for plane, result in planes:
                pixels = Pixels(plane, result, black, white, brighter, strength, device, dtype)
                copies = self._copies(len(plane))
                if strength == 0:  # exactly the image, and no work
                    result[...] = plane
                else:
                    denoise_plane(network, pixels, copies, symmetries, tile, progress)
        except ShapeError as error:
            raise ShapeError(f"denoise: the image is an array {image.shape}: {error}") from None
        return after

    def _tensor(self, images: Tensor, strength: float, ensemble: bool, tile: int | None) -> Tensor:
        """The denoised images, (N, C, H, W)."""
        if strength == 0:
            return images.clone()
        x = images.to(self._kind()[1])
        count, channels = x.shape[:2]
        copies = self._copies(channels)
        if channels != 1 and not self.takes(channels) and self.takes(1):
            x = x.reshape(count * channels, 1, *x.shape[2:])
        x = x.expand(-1, copies * x.shape[1], -1, -1)
        symmetries: Sequence[Symmetry] = SYMMETRIES if ensemble else (IDENTITY,)
        y = torch.zeros_like(x)
        for symmetry in symmetries:
            y += symmetry.undo(tiled_tensor(self.network, symmetry.apply(x), tile=tile))
        y /= len(symmetries)
        if copies > 1:
            y = y.mean(1, keepdim=True)
        y = y.reshape(images.shape).to(images.dtype)
        return y if strength == 1 else images * (1 - strength) + y * strength

    def _copies(self, channels: int) -> int:
        """How many times the network is given an image of so many channels: 3 if it is grey."""
        return 3 if channels == 1 and not self.takes(1) and self.takes(3) else 1

    def takes(self, channels: int) -> bool:
        """Whether the network takes images of so many channels, and gives as many back."""
        try:
            shape = self.network.output_shape((channels, PROBE, PROBE))
        except ShapeError:
            return False
        return len(shape) == 3 and shape[0] == channels

    @cached_property
    def channels(self) -> int | None:
        """How many channels the network takes, the fewest of several; None for more than 1024."""
        return next(filter(self.takes, range(1, MOST_CHANNELS + 1)), None)

    def _range(self, image: NDArray[Any]) -> tuple[float, float]:
        """Black and white of an array of which nothing is said."""
        depth = _depth(image)
        return (0.0, depth.white) if self.value_range is None else self.value_range.of(depth)

    def _check_white(self, image: NDArray[Any], white: float) -> None:
        if doubt := doubt_of_white(_depth(image), float(image.max()) / white):
            self._warn(f"denoise: an image may have another white: {doubt}. Say which: white=4095.")

    def __repr__(self) -> str:
        device, dtype = self._kind()
        channels = " or ".join(str(it) for it in (1, 3) if self.takes(it)) or self.channels
        return f"Denoiser({channels} channels, {str(dtype).removeprefix('torch.')}, {device})"

    def _kind(self) -> tuple[torch.device, torch.dtype]:
        """The device and type of the network's parameters."""
        values = (value for value, _ in self.network.param())
        value = next(values, torch.empty(0, dtype=torch.get_default_dtype()))
        return value.device, value.dtype


def _depth(image: NDArray[Any]) -> Depth:
    return Depth(image.dtype.itemsize * 8, floating=image.dtype.kind == "f")


def _check_tensor(image: Tensor, axes: str | None, white: float | None) -> None:
    if axes is not None or white is not None:
        raise ArgumentError("denoise: the image is a tensor. axes and white are for arrays.")
    if image.dim() not in (3, 4) or not image.is_floating_point():
        raise ArgumentError(
            f"denoise: the image is a tensor {tuple(image.shape)} of {image.dtype}. "
            "Use (N, C, H, W) or (C, H, W) of floats in [0, 1]."
        )


def _check_array(image: object, black: float, white: float | None) -> None:
    if not isinstance(image, np.ndarray):
        raise ArgumentError(
            f"denoise: the image is a {type(image).__name__}. Use a numpy array or a tensor."
        )
    dtype = image.dtype
    if dtype.kind not in "uf" or (dtype.kind == "u" and dtype.itemsize > LARGEST_INTEGER):
        raise ArgumentError(
            f"denoise: the image has dtype {dtype}. Use uint8, uint16, uint32 or floats."
        )
    if white is not None and not black < white:
        raise ArgumentError(f"denoise: white is {white}. Use a number above {black:g}.")
    if white is not None and not fits_float32(black, white):
        raise ArgumentError(f"denoise: black is {black:g}, and white {white:g}. {ALLOWED}")
