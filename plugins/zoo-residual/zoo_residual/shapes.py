"""Shape arithmetic that the layers and their shape rules share. No torch.

Shapes have no batch axis, and ``where`` is how a message starts.
"""

from __future__ import annotations

from collections.abc import Sequence

from zoo.errors import ShapeError
from zoo.spec.shapes import format_shape, image

Shape = tuple[int, ...]
Image = tuple[int, int, int]


def shuffled(where: str, shape: Sequence[int], factor: int) -> Image:
    """(C r^2, H, W) -> (C, r H, r W).

    Raises:
        ShapeError: it is no image, or the channels are no multiple of r^2.
    """
    height, width = image(where, shape)
    if shape[0] % factor**2:
        raise ShapeError(
            f"{where}: the input has {_channels(shape[0])}. With upscale_factor {factor}, "
            f"use a multiple of {factor**2}."
        )
    return shape[0] // factor**2, factor * height, factor * width


def unshuffled(where: str, shape: Sequence[int], factor: int) -> Image:
    """(C, r H, r W) -> (C r^2, H, W).

    Raises:
        ShapeError: it is no image, or its height or width is no multiple of r.
    """
    height, width = image(where, shape)
    if height % factor or width % factor:
        raise ShapeError(
            f"{where}: the input is {height}x{width}. With downscale_factor {factor}, "
            f"use heights and widths that are a multiple of {factor}."
        )
    return shape[0] * factor**2, height // factor, width // factor


def one_or_each_channel(where: str, shape: Sequence[int], parameters: int) -> Shape:
    """A shape that takes that many parameters: one for all numbers, or one for each channel.

    Raises:
        ShapeError: it is no image of that many channels.
    """
    if parameters > 1:
        image(where, shape)
        if shape[0] != parameters:
            raise ShapeError(
                f"{where}: has {parameters} parameters; the input has {_channels(shape[0])}. "
                f"Use num_parameters 1 or {shape[0]}."
            )
    return tuple(shape)


def same_as_input(where: str, output: Sequence[int], shape: Sequence[int]) -> Shape:
    """The shape of a body's input, which its output has too.

    Raises:
        ShapeError: its output has another.
    """
    if tuple(output) != tuple(shape):
        raise ShapeError(
            f"{where}: the body gives {format_shape(output)} and its input is "
            f"{format_shape(shape)}. Use a body that gives back its input's shape."
        )
    return tuple(shape)


def _channels(channels: int) -> str:
    return f"{channels} channel{'s' * (channels != 1)}"
