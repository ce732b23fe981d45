"""What a run records of its images, and finding these again by their pixels."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from zoo.data.fingerprint import pixel_hashes
from zoo.data.sets import Bursts, Images, SingleImages
from zoo.errors import DataError, listed

SIDES = ("train", "held_out")
SIZE = re.compile(r"\d+x\d+x\d+")
SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class RecordedImage:
    """A photograph or a pair.

    Attributes:
        name: what its source called it.
        size: channels, height and width, as in ``3x128x160``.
        sha256: of its pixels; of a pair, of both images.
    """

    name: str
    size: str
    sha256: str


@dataclass(frozen=True)
class DataRecord:
    """The images of a run, in the order in which they are drawn from.

    Attributes:
        train: trained on.
        held_out: validated on.
    """

    train: tuple[RecordedImage, ...]
    held_out: tuple[RecordedImage, ...]

    @property
    def on_both_sides(self) -> list[str]:
        """Names of the held-out images whose pixels are trained on too."""
        seen = {item.sha256 for item in self.train}
        return [item.name for item in self.held_out if item.sha256 in seen]

    @classmethod
    def from_plain(cls, content: Mapping[str, Any]) -> DataRecord:
        """The record that a checkpoint has.

        Raises:
            DataError: it is not as :meth:`to_plain` gives it.
        """
        try:
            return cls(*(_from_plain(content[side]) for side in SIDES))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                "is no record of images. Use lists train and held_out of one or more tables of "
                "name, size and sha256."
            ) from error

    def to_plain(self) -> dict[str, list[dict[str, str]]]:
        """Plain values, for a checkpoint and for JSON."""
        return {name: [dict(vars(item)) for item in side] for name, side in vars(self).items()}


@dataclass(frozen=True)
class Match:
    """Recorded images among others.

    Attributes:
        indices: where each that was found is among the others.
        changed: names of those that have other pixels.
        gone: names of those that are not there.
        renamed: ``old is now new`` for those that have another name.
    """

    indices: list[int]
    changed: list[str]
    gone: list[str]
    renamed: list[str]

    @property
    def lost(self) -> str:
        """What was not found, as part of a sentence; "" for nothing."""
        kinds = ((self.changed, "changed"), (self.gone, "gone"))
        return ", ".join(f"{len(some)} {kind} ({listed(some)})" for some, kind in kinds if some)


def match(recorded: Sequence[RecordedImage], images: Images) -> Match:
    """Find recorded images again.

    One of the same name is taken before others of the same pixels. Several that were recorded may
    be one, where they have the same pixels.
    """
    keys = list(zip(images.names, images.hashes, strict=True))
    exact = {key: index for index, key in reversed(list(enumerate(keys)))}
    by_hash = {sha256: index for index, (_, sha256) in reversed(list(enumerate(keys)))}
    indices, lost, renamed = [], [], []
    for item in recorded:
        index = exact.get((item.name, item.sha256), by_hash.get(item.sha256))
        if index is None:
            lost.append(item.name)
            continue
        indices.append(index)
        if images.names[index] != item.name:
            renamed.append(f"{item.name} is now {images.names[index]}")
    there = set(images.names)
    changed = [name for name in lost if name in there]
    gone = [name for name in lost if name not in there]
    return Match(indices, changed, gone, renamed)


def recorded(images: Images, indices: Iterable[int]) -> tuple[RecordedImage, ...]:
    """The records of the images at these indices, in their order."""
    firsts = images.sides[0]
    return tuple(
        RecordedImage(images.names[i], "x".join(map(str, firsts[i].shape)), images.hashes[i])
        for i in indices
    )


def known_as(images: Images) -> list[set[str]]:
    """Of each image all hashes that it may be recorded by: its own, and those of its views."""
    if isinstance(images, SingleImages):
        return [{sha256} for sha256 in images.hashes]
    groups = images.shots if isinstance(images, Bursts) else list(zip(*images.sides, strict=True))
    views = iter(pixel_hashes([view for group in groups for view in group]))
    return [
        {sha256, *islice(views, len(group))}
        for sha256, group in zip(images.hashes, groups, strict=True)
    ]


def _from_plain(items: Iterable[Mapping[str, Any]]) -> tuple[RecordedImage, ...]:
    found = tuple(RecordedImage(**item) for item in items)
    if not found:  # which no run begins with
        raise ValueError
    for image in found:
        known = (image.name, str), (image.size, str), (image.sha256, str)
        if not all(type(value) is kind for value, kind in known):
            raise TypeError
        if not (SIZE.fullmatch(image.size) and SHA256.fullmatch(image.sha256)):
            raise ValueError
    return found
