"""Pictures that are there more than once."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from zoo.data.fingerprint import find_alike
from zoo.data.sets import Images, SingleImages
from zoo.data.split import draw_split
from zoo.errors import DataError

FRACTION = 0.1  # held out unless a file says otherwise


@dataclass(frozen=True)
class Copies:
    """Scenes that are there more than once.

    Attributes:
        same: names of those whose pixels are those of one before it.
        alike: names of those that show the scene of one before, and are not the same.
        held_out: how many scenes would be held out; None where they cannot be split.
        split: what the split says of them: that they are kept on one side, or left out.
    """

    same: tuple[str, ...]
    alike: tuple[str, ...]
    held_out: int | None
    split: tuple[str, ...]


def find_copies(images: Images, seed: int = 0) -> Copies:
    """The copies in a set, and on which side of the split they would be."""
    counts: Counter[str] = Counter()
    same = []
    for index, digest in enumerate(images.hashes):
        if counts[digest]:
            same.append(index)
        counts[digest] += 1
    later = {max(link) for link in find_alike(images.sides[0])}
    alike = sorted(later.difference(same))
    held_out: int | None = None
    try:
        split = draw_split(images, FRACTION, seed)
    except DataError as error:
        remarks: tuple[str, ...] = (str(error),)
    else:
        held_out, remarks = len(split.held_out), split.remarks
    return Copies(
        tuple(images.names[index] for index in same),
        tuple(images.names[index] for index in alike),
        held_out,
        remarks,
    )


def identical_pairs(images: Images) -> tuple[str, ...]:
    """Names of the pairs whose two pictures are the same."""
    return () if isinstance(images, SingleImages) else tuple(images.identical)
