"""Checks of arguments and shape arithmetic that the layers and their shape rules share. No torch.

Shapes have no batch axis, and ``where`` is how a message starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from numbers import Real
from operator import index
from typing import Any

from zoo.errors import ArgumentError, ShapeError

Shape = tuple[int, ...]
Image = tuple[int, int, int]


def count(where: str, name: str, value: Any) -> int:
    """``value`` as an integer >= 1.

    Raises:
        ArgumentError: it is not one.
    """
    try:
        number = 0 if isinstance(value, bool) else index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ArgumentError(f"{where}: {name} is {value!r}. Use an integer >= 1.", name)
    return number


def image(where: str, shape: Sequence[int]) -> Image:
    """The shape of an image, (C, H, W).

    Raises:
        ShapeError: it has other axes.
    """
    if len(shape) != 3:
        raise ShapeError(f"{where}: the input is {tuple(shape)}. Use (N, C, H, W) or (C, H, W).")
    channels, height, width = shape
    return channels, height, width


def shuffled(where: str, shape: Sequence[int], factor: int) -> Image:
    """(C r^2, H, W) -> (C, r H, r W).

    Raises:
        ShapeError: it is no image, or the channels are no multiple of r^2.
    """
    channels, height, width = image(where, shape)
    if channels % factor**2:
        raise ShapeError(
            f"{where}: the input has {_channels(channels)}. With upscale_factor {factor}, "
            f"use a multiple of {factor**2}."
        )
    return channels // factor**2, factor * height, factor * width


def unshuffled(where: str, shape: Sequence[int], factor: int) -> Image:
    """(C, r H, r W) -> (C r^2, H, W).

    Raises:
        ShapeError: it is no image, or its height or width is no multiple of r.
    """
    channels, height, width = image(where, shape)
    if height % factor or width % factor:
        raise ShapeError(
            f"{where}: the input is {height}x{width}. With downscale_factor {factor}, "
            f"use heights and widths that are a multiple of {factor}."
        )
    return channels * factor**2, height // factor, width // factor


def one_or_each_channel(where: str, shape: Sequence[int], parameters: int) -> Shape:
    """A shape that takes that many parameters: one for all numbers, or one for each channel.

    Raises:
        ShapeError: it is no image of that many channels.
    """
    if parameters > 1 and (channels := image(where, shape)[0]) != parameters:
        raise ShapeError(
            f"{where}: has {parameters} parameters; the input has {_channels(channels)}. "
            f"Use num_parameters 1 or {channels}."
        )
    return tuple(shape)


def normalised(where: str, shape: Sequence[int], channels: int) -> Image:
    """The shape of an image of that many channels.

    Raises:
        ShapeError: it is none.
    """
    given = image(where, shape)
    if given[0] != channels:
        raise ShapeError(f"{where}: expects {_channels(channels)}; the input has {given[0]}.")
    return given


def same_as_input(where: str, output: Sequence[int], shape: Sequence[int]) -> Shape:
    """The shape of a body's input, which its output has too.

    Raises:
        ShapeError: its output has another.
    """
    if tuple(output) != tuple(shape):
        raise ShapeError(
            f"{where}: the body gives {_by(output)} and its input is {_by(shape)}. "
            "Use a body that gives back its input's shape."
        )
    return tuple(shape)


def positive(where: str, name: str, value: Any) -> float:
    """``value`` as a finite float > 0.

    Raises:
        ArgumentError: it is not one.
    """
    if not _is_number(value) or not 0 < value < inf:
        raise ArgumentError(f"{where}: {name} is {value!r}. Use a finite number > 0.", name)
    return float(value)


def fraction(where: str, name: str, value: Any) -> float:
    """``value`` as a float from 0 to 1.

    Raises:
        ArgumentError: it is not one.
    """
    if not _is_number(value) or not 0 <= value <= 1:
        raise ArgumentError(f"{where}: {name} is {value!r}. Use a number from 0 to 1.", name)
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _channels(channels: int) -> str:
    return f"{channels} channel{'s' * (channels != 1)}"


def _by(shape: Sequence[int]) -> str:
    return "x".join(map(str, shape))
