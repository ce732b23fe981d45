"""What a data source returns: pictures, or pairs or bursts of the same scene.

Images are (C, H, W), uint8 or float32 in [0, 1], all with the same C: tensors, or read from a cache
when they are asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import torch

from zoo.data.fingerprint import pixel_hashes
from zoo.data.stored import Image, are_same, is_even
from zoo.errors import ArgumentError, DataError, listed

T = TypeVar("T")


@dataclass(frozen=True)
class SingleImages:
    """Pictures of one view each: clean ones to which noise is added, or noisy ones.

    Attributes:
        names: one for each photograph.
        images: (C, H, W) each, any sizes.
        held_out: photographs that always go to validation; empty to draw them at random.
        files: what file each is from: those of one are kept together. Empty where each is by
            itself.
        remarks: what the user should know of them, such as files that were left out.

    Raises:
        DataError: no photograph, not as many names as photographs, a tensor that is no image, or
            different numbers of channels.
    """

    names: tuple[str, ...]
    images: tuple[Image, ...]
    held_out: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_images(self.names, self.images)
        _check_names(self.names, self.held_out, self.files)

    @property
    def sides(self) -> tuple[tuple[Image, ...]]:
        """The photographs."""
        return (self.images,)

    @cached_property
    def hashes(self) -> list[str]:
        """The sha256 of each photograph's pixels."""
        return pixel_hashes(*self.sides)

    def take(self, indices: Sequence[int]) -> SingleImages:
        """The photographs at these indices, in their order."""
        return SingleImages(
            _take(self.names, indices),
            _take(self.images, indices),
            files=_take(self.files, indices),
        )


@dataclass(frozen=True)
class ImagePairs:
    """Pairs of images of the same scene, as taken or read, to which no noise is added.

    Attributes:
        names: one for each pair.
        first: noisy images, (C, H, W) each.
        second: images of the same shapes.
        second_is_clean: False where ``second`` is another noisy image, True where it is clean.
        held_out, files, remarks: as of :class:`SingleImages`.

    Raises:
        IdenticalPairsError: the same image twice in a pair.
        DataError: no pair, counts that differ, a tensor that is no image, different shapes in a
            pair, or different numbers of channels.
    """

    names: tuple[str, ...]
    first: tuple[Image, ...]
    second: tuple[Image, ...]
    second_is_clean: bool
    held_out: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_images(self.names, self.first)
        _check_images(self.names, self.second)
        _check_names(self.names, self.held_out, self.files)
        for name, first, second in zip(self.names, self.first, self.second, strict=True):
            if first.shape != second.shape:
                raise DataError(
                    f"{name}: the images of this pair have the shapes {tuple(first.shape)} and "
                    f"{tuple(second.shape)}. Both images of a pair must have the same size."
                )
        _check_noise(self)

    @property
    def sides(self) -> tuple[tuple[Image, ...], tuple[Image, ...]]:
        """The first and the second images."""
        return self.first, self.second

    @property
    def identical(self) -> list[str]:
        """Names of the pairs that have the same picture twice."""
        sides = zip(self.names, self.first, self.second, strict=True)
        return [name for name, first, second in sides if _same(first, second)]

    @cached_property
    def hashes(self) -> list[str]:
        """The sha256 of each pair's pixels."""
        return pixel_hashes(*self.sides)

    def take(self, indices: Sequence[int]) -> ImagePairs:
        """The pairs at these indices, in their order."""
        return ImagePairs(
            _take(self.names, indices),
            _take(self.first, indices),
            _take(self.second, indices),
            self.second_is_clean,
            files=_take(self.files, indices),
        )


@dataclass(frozen=True)
class Bursts:
    """Two or more noisy shots of each scene, to which no noise is added.

    Attributes:
        names: one for each scene.
        shots: of each scene, (C, H, W) each and of one size; scenes may differ in size and number.
        held_out, files, remarks: as of :class:`SingleImages`.

    Raises:
        IdenticalPairsError: the same shot twice, one after the other.
        DataError: no scene, counts that differ, a tensor that is no image, a scene of one shot or
            of shots of different shapes, or different numbers of channels.
    """

    names: tuple[str, ...]
    shots: tuple[tuple[Image, ...], ...]
    held_out: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_images(self.names, [shots[0] if shots else torch.empty(0) for shots in self.shots])
        _check_names(self.names, self.held_out, self.files)
        for name, shots in zip(self.names, self.shots, strict=True):
            if len(shots) < 2:
                raise DataError(f"{name}: has one shot. A burst has two or more of its scene.")
            _check_images([name] * len(shots), shots)
            if different := [shot for shot in shots if shot.shape != shots[0].shape]:
                raise DataError(
                    f"{name}: its shots have the shapes {tuple(shots[0].shape)} and "
                    f"{tuple(different[0].shape)}. All shots of a burst must have the same size."
                )
        _check_noise(self)

    @property
    def sides(self) -> tuple[tuple[Image, ...]]:
        """The first shots."""
        return (tuple(shots[0] for shots in self.shots),)

    @property
    def identical(self) -> list[str]:
        """Names of the scenes that have the same shot twice."""
        scenes = zip(self.names, self.shots, self._hashes, strict=True)
        return [
            name
            for name, shots, hashes in scenes
            if any(
                hashes.count(of) > 1 and not is_even(shot)
                for shot, of in zip(shots, hashes, strict=True)
            )
        ]

    @cached_property
    def hashes(self) -> list[str]:
        """The sha256 of each scene's shots, in whatever order they are."""
        together = ("".join(sorted(hashes)) for hashes in self._hashes)
        return [hashlib.sha256(text.encode()).hexdigest() for text in together]

    @cached_property
    def _hashes(self) -> list[list[str]]:
        """The sha256 of each shot of each scene."""
        flat = iter(pixel_hashes([shot for shots in self.shots for shot in shots]))
        return [[next(flat) for _ in shots] for shots in self.shots]

    def take(self, indices: Sequence[int]) -> Bursts:
        """The scenes at these indices, in their order."""
        return Bursts(
            _take(self.names, indices),
            _take(self.shots, indices),
            files=_take(self.files, indices),
        )


class IdenticalPairsError(DataError):
    """Pairs or bursts of which some have the same picture twice.

    Attributes:
        images: all of them; nothing else is wrong with them.
    """

    def __init__(self, message: str, images: ImagePairs | Bursts) -> None:
        super().__init__(message)
        self.images = images


Images = SingleImages | ImagePairs | Bursts


def all_images(data: Images) -> tuple[Image, ...]:
    """Every image, of pairs and bursts all views."""
    groups = data.shots if isinstance(data, Bursts) else data.sides
    return tuple(image for group in groups for image in group)


def noise_mismatch(data: Images) -> ArgumentError:
    """What to raise where photographs come without a noise, or pairs with one."""
    return ArgumentError(
        "data: a noise is given for pairs or bursts, which are noisy already. Leave it out."
        if not isinstance(data, SingleImages)
        else "data: no noise is given for clean images. Name one, such as gaussian."
    )


def _check_images(names: Sequence[str], images: Sequence[Image]) -> None:
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


def _check_names(names: Sequence[str], held_out: frozenset[str], files: Sequence[str]) -> None:
    if missing := sorted(held_out.difference(names)):
        raise DataError(
            f"data: the held-out {missing[0]} is not among the images. Hold out images of the set."
        )
    if files and len(files) != len(names):
        raise DataError(
            f"data: {len(files)} files for {len(names)} images. Give one for each, or none."
        )


def _check_noise(images: ImagePairs | Bursts) -> None:
    """Refuse pairs without noise."""
    same = images.identical
    if same:
        raise IdenticalPairsError(
            f"data: {len(same)} of {len(images.names)} pairs have the same picture twice "
            f"({listed(same)}). The noise of the two must differ.",
            images,
        )


def _same(first: Image, second: Image) -> bool:
    """Whether two pictures are the same; an even one, such as a black one, may be there twice."""
    return are_same(first, second) and not is_even(first)


def _take(items: Sequence[T], indices: Iterable[int]) -> tuple[T, ...]:
    return tuple(items[index] for index in indices) if items else ()
