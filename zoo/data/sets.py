"""What a data source returns: photographs, or pairs of images of the same scene.

Images are (C, H, W) tensors, uint8 or float32 in [0, 1], all with the same C.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from zoo.data.seeding import generator
from zoo.data.streams import Stream
from zoo.errors import ArgumentError, DataError

T = TypeVar("T")


@dataclass(frozen=True)
class CleanImages:
    """Photographs to which noise is added.

    Attributes:
        names: one for each photograph.
        images: (C, H, W) each, any sizes.
        held_out: photographs that always go to validation; empty to draw them at random.

    Raises:
        DataError: no photograph, not as many names as photographs, a tensor that is no image, or
            different numbers of channels.
    """

    names: tuple[str, ...]
    images: tuple[Tensor, ...]
    held_out: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        _check_images(self.names, self.images)
        if missing := sorted(self.held_out.difference(self.names)):
            raise DataError(
                f"data: the held-out {missing[0]} is not among the images. "
                "Hold out images of the set."
            )

    def split(self, fraction: float, seed: int) -> tuple[CleanImages, CleanImages]:
        """Training and validation photographs, at least one each.

        Args:
            fraction: of the photographs to validate on, in (0, 1); not used with ``held_out``.
            seed: decides which.

        Raises:
            DataError: there is only one photograph, or all are held out.
        """
        held_out = [i for i, name in enumerate(self.names) if name in self.held_out]
        train, validation = _split(self.names, held_out, fraction, seed)
        return self._take(train), self._take(validation)

    def _take(self, indices: Sequence[int]) -> CleanImages:
        return CleanImages(_take(self.names, indices), _take(self.images, indices))


@dataclass(frozen=True)
class ImagePairs:
    """Pairs of images of the same scene, as taken or read, to which no noise is added.

    Attributes:
        names: one for each pair.
        first: noisy images, (C, H, W) each.
        second: images of the same shapes.
        second_is_clean: False where ``second`` is another noisy image, True where it is clean.

    Raises:
        DataError: no pair, counts that differ, a tensor that is no image, different shapes in a
            pair, or different numbers of channels.
    """

    names: tuple[str, ...]
    first: tuple[Tensor, ...]
    second: tuple[Tensor, ...]
    second_is_clean: bool

    def __post_init__(self) -> None:
        _check_images(self.names, self.first)
        _check_images(self.names, self.second)
        for name, first, second in zip(self.names, self.first, self.second, strict=True):
            if first.shape != second.shape:
                raise DataError(
                    f"{name}: the images of this pair have the shapes {tuple(first.shape)} and "
                    f"{tuple(second.shape)}. Both images of a pair must have the same size."
                )

    def split(self, fraction: float, seed: int) -> tuple[ImagePairs, ImagePairs]:
        """Training and validation pairs, at least one each.

        Args:
            fraction: of the pairs to validate on, in (0, 1).
            seed: decides which.

        Raises:
            DataError: there is only one pair.
        """
        train, validation = _split(self.names, [], fraction, seed)
        return self._take(train), self._take(validation)

    def _take(self, indices: Sequence[int]) -> ImagePairs:
        return ImagePairs(
            _take(self.names, indices),
            _take(self.first, indices),
            _take(self.second, indices),
            self.second_is_clean,
        )


def noise_mismatch(data: CleanImages | ImagePairs) -> ArgumentError:
    """What to raise where photographs come without a noise, or pairs with one."""
    return ArgumentError(
        "data: a noise is given for pairs, which are noisy already. Leave it out."
        if isinstance(data, ImagePairs)
        else "data: no noise is given for clean images. Name one, such as gaussian."
    )


def _check_images(names: Sequence[str], images: Sequence[Tensor]) -> None:
    if len(names) != len(images) or not images:
        raise DataError(
            f"data: {len(names)} names for {len(images)} images. Give one or more images, "
            "each with a name."
        )
    channels = images[0].shape[0] if images[0].ndim else 0
    for name, image in zip(names, images, strict=True):
        if image.ndim != 3 or 0 in image.shape or image.dtype not in (torch.uint8, torch.float32):
            raise DataError(
                f"{name}: a {image.dtype} tensor of shape {tuple(image.shape)}. "
                "An image is (C, H, W), uint8 or float32."
            )
        if image.shape[0] != channels:
            raise DataError(
                f"{name}: {image.shape[0]} channels where {names[0]} has {channels}. "
                "All images must have the same number."
            )


def _split(
    names: Sequence[str], held_out: Sequence[int], fraction: float, seed: int
) -> tuple[list[int], list[int]]:
    """Indices to train and to validate on, each in ascending order."""
    count = len(names)
    if not 0 < fraction < 1:
        raise ArgumentError(
            f"split: the validation fraction is {fraction}. It must be between 0 and 1."
        )
    if count == 1 or len(held_out) == count:
        raise DataError(
            f"data: {names[0]} is the only image to train and to validate on. Give two or more."
            if count == 1
            else f"data: all {count} images are held out. Leave one or more to train on."
        )
    if not held_out:
        drawn = torch.randperm(count, generator=generator(seed, Stream.SPLIT)).tolist()
        held_out = drawn[: min(max(round(fraction * count), 1), count - 1)]
    validation = set(held_out)
    return [i for i in range(count) if i not in validation], sorted(validation)


def _take(items: Sequence[T], indices: Iterable[int]) -> tuple[T, ...]:
    return tuple(items[index] for index in indices)
