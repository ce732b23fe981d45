"""Which images of a batch are whose."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Division = Literal["any", "equal", "none"]


@dataclass(frozen=True)
class Shards:
    """How batches are divided among ranks: the same for everybody who knows the batch's size.

    Attributes:
        rank, size: whose shards, and of how many ranks.
        division: ``any`` into consecutive images, as even as can be, none for some ranks if there
            are fewer images than ranks; ``equal`` only into shards of one size, and not at all
            where that cannot be; ``none`` never. What is not divided is computed by every rank.
    """

    rank: int = 0
    size: int = 1
    division: Division = "any"

    def divides(self, images: int) -> bool:
        """Whether a batch of so many images is divided."""
        if self.division == "equal":
            return self.size > 1 and images % self.size == 0
        return self.size > 1 and self.division == "any"

    def of(self, images: int) -> slice:
        """This rank's images of a batch of so many."""
        if not self.divides(images):
            return slice(0, images)
        return even_slices(0, images, self.size)[self.rank]


def even_slices(start: int, stop: int, parts: int) -> list[slice]:
    """A range in ``parts`` that differ by one at most, the larger ones first."""
    size, larger = divmod(stop - start, parts)
    ends = [start + part * size + min(part, larger) for part in range(parts + 1)]
    return [slice(*pair) for pair in pairwise(ends)]
