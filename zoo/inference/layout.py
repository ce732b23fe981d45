"""Which axes of an array are a picture's rows, columns and channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zoo.errors import ArgumentError

Array = NDArray[Any]

USUAL: Mapping[int, str] = {2: "YX", 3: "YXS"}


@dataclass(frozen=True)
class Layout:
    """The planes of an array: what a network is given at once.

    Attributes:
        order: the array's axes with a plane's last, (..., H, W), or (..., C, H, W) if ``together``.
        together: whether the channels of a pixel are denoised together.
    """

    order: tuple[int, ...]
    together: bool

    def planes(self, array: Array) -> Iterator[Array]:
        """Views (C, H, W) of all planes; C is 1 for channels that are denoised by themselves."""
        view = array.transpose(self.order)
        if not self.together:
            view = view[..., None, :, :]
        for index in np.ndindex(*view.shape[:-3]):
            yield view[index]


def layout_of(shape: tuple[int, ...], axes: str | None, takes: Callable[[int], bool]) -> Layout:
    """How an array of that shape is taken apart.

    Args:
        shape: of the array.
        axes: a letter for each axis: Y and X, S for the samples of a pixel, C for channels, and any
            others; None for (H, W) and (H, W, C).
        takes: whether the network takes images of so many channels.

    Raises:
        ArgumentError: the axes do not fit the shape, or the array is no image.
    """
    letters = _letters(shape, axes)
    rows, columns = letters.index("Y"), letters.index("X")
    rest = [axis for axis in range(len(shape)) if axis not in (rows, columns)]
    channels = letters.find("S") if "S" in letters else letters.find("C")
    if channels == -1:
        return Layout((*rest, rows, columns), together=False)
    count = shape[channels]
    if takes(count) or (count != 1 and not (takes(1) or takes(3))):
        rest.remove(channels)
        return Layout((*rest, channels, rows, columns), together=True)
    if letters[channels] == "S" and count not in (1, 3):
        raise ArgumentError(
            f"denoise: the image is an array {shape} with {count} channels. "
            f"This network takes grey images and colour images of 3 channels."
        )
    return Layout((*rest, rows, columns), together=False)


def _letters(shape: tuple[int, ...], axes: str | None) -> str:
    """The letter of each axis."""
    what = f"denoise: the image is an array {shape}"
    if not all(shape):
        raise ArgumentError(f"{what}, which is empty. Use an image of at least one pixel.")
    if axes is None:
        if len(shape) not in USUAL:
            raise ArgumentError(
                f"{what}. Use (H, W) or (H, W, C), or say what its axes are, as in axes='TYX'."
            )
        return USUAL[len(shape)]
    letters = axes.upper()
    if len(letters) != len(shape) or len(set(letters)) != len(letters):
        raise ArgumentError(
            f"{what}, and axes is {axes!r}. Use a letter for each axis, each only once."
        )
    if not {"Y", "X"} <= set(letters):
        raise ArgumentError(f"{what}, and axes is {axes!r}. Y and X, rows and columns, must be in.")
    return letters
