"""A single scene as two: one to train on, and one to be held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from zoo.data.sets import ImagePairs, Images, SingleImages
from zoo.data.stored import Image, pixels_of


def cut_in_two(data: Images, row: int) -> Images:
    """The only scene of some data as two: the rows above ``row``, and the others."""
    (name,), height = data.names, data.sides[0][0].shape[1]
    names = f"{name} (rows 0 to {row - 1})", f"{name} (rows {row} to {height - 1})"
    files = name, name

    def halves(images: Sequence[Image]) -> tuple[Tensor, Tensor]:
        pixels = pixels_of(images[0])
        return pixels[:, :row].contiguous(), pixels[:, row:].contiguous()

    if isinstance(data, SingleImages):
        return replace(data, names=names, images=halves(data.images), files=files)
    if isinstance(data, ImagePairs):
        first, second = halves(data.first), halves(data.second)
        return replace(data, names=names, first=first, second=second, files=files)
    above, below = zip(*(halves([shot]) for shot in data.shots[0]), strict=True)
    return replace(data, names=names, shots=(above, below), files=files)
