"""What a rank asks of the others; a process by itself asks the same, and knows the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from torch import Tensor

from zoo.distributed.buckets import Buckets

T = TypeVar("T")


class World(Protocol):
    """All ranks of a run, as one of them sees them. Each asks the same, in the same order.

    Attributes:
        rank: which one this is, from 0.
        size: how many there are.
        seconds: spent in averages until now, those included in which others were waited for; of a
            GPU only those in which the CPU waited.
    """

    rank: int
    size: int
    seconds: float

    def average(self, loss: Tensor, gradients: Sequence[Tensor], count: float | Tensor) -> Tensor:
        """Give each gradient the mean over what all ranks have computed, in place.

        Args:
            loss: the mean over this rank's shard, a tensor without axes.
            gradients: of that mean.
            count: how many images, or pixels that count, that was the mean over; 0 or more.

        Returns:
            The mean loss of all.
        """

    def buckets(self, gradients: Sequence[Tensor]) -> Buckets | None:
        """What may be told of gradients that are done, before ``average`` is asked for all of them.

        Args:
            gradients: tensors of their shapes and type.

        Returns:
            None where that is not worth it.
        """

    def agreed(self, *flags: bool) -> Sequence[bool]:
        """Which flags one of the ranks, or more, had raised before the latest average.

        Args:
            flags: this rank's; up to ``FLAGS``.
        """

    def all_gather(self, blocks: Sequence[Tensor]) -> None:
        """Fill the others' tensors with what they have in theirs.

        Args:
            blocks: one tensor for each rank, all of one shape and contiguous.
        """

    def all_agree(self, yes: bool) -> bool:
        """Whether all say yes."""

    def gather(self, value: T) -> list[T]:
        """What each rank has for ``value``, in their order; waits for those who take long."""

    def broadcast(self, value: T) -> T:
        """What rank 0 has for ``value``; waits for it, however long it takes."""

    def remember(self, key: str, value: str) -> None:
        """Keep a text for a later restart by the same launcher."""

    def remembered(self, key: str) -> str | None:
        """What was kept by an earlier start; None for nothing."""


class Alone:
    """The world of a process by itself."""

    rank = 0
    size = 1
    seconds = 0.0

    def average(self, loss: Tensor, gradients: Sequence[Tensor], count: float | Tensor) -> Tensor:
        """The loss; gradients stay as they are."""
        return loss

    def buckets(self, gradients: Sequence[Tensor]) -> Buckets | None:
        """None."""
        return None

    def agreed(self, *flags: bool) -> Sequence[bool]:
        """The flags."""
        return flags

    def all_gather(self, blocks: Sequence[Tensor]) -> None:
        """There are no others."""

    def all_agree(self, yes: bool) -> bool:
        """What this one says."""
        return yes

    def gather(self, value: Any) -> list[Any]:
        """The value."""
        return [value]

    def broadcast(self, value: T) -> T:
        """The value."""
        return value

    def remember(self, key: str, value: str) -> None:
        """There is no launcher."""

    def remembered(self, key: str) -> str | None:
        """Nothing."""
        return None


ALONE = Alone()
