"""Gradients summed over the ranks in buckets, the first while backward still computes the others.

What ranks sum after a step lies in one buffer: the gradients from the last layer to the first, as
backward finishes them, then the loss, the count and the flags. A bucket is a part of it with an
all-reduce of its own. Where gradients are small there is one.

All ranks begin all buckets in each step, in one order: those that backward has not finished early
are begun at its end. So ranks agree whatever each of them computes, and how.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from threading import Lock
from typing import Protocol

import torch
from torch import Tensor

FLAGS = 2  # that an average carries
OVERLAPPED_BYTES = 4 * 2**20  # of gradients, up to which there is one bucket
# Of a message of an all-reduce in a ring, in which each rank sends a part of the bucket, as many
# parts as there are ranks, at a time: so many that they take longer than the link's latency.
MESSAGE_BYTES = 2**19


class Work(Protocol):
    """An all-reduce that has begun."""

    def wait(self) -> object:
        """Return when it has ended; whatever fails is a RuntimeError."""


class Buckets:
    """The buffer of all gradients, and what of it is summed already.

    Args:
        gradients: tensors of their shapes and type, in the order of the network's parameters.
        like: a tensor with the type and the device of the buffer.
        all_reduce: begins to sum a tensor over the ranks, in place.
        ranks: how many there are.

    Attributes:
        members: the numbers of the gradients in each bucket, in the order in which they begin.
    """

    def __init__(
        self,
        gradients: Sequence[Tensor],
        like: Tensor,
        all_reduce: Callable[[Tensor], Work],
        ranks: int,
    ) -> None:
        sizes = [gradient.nbytes for gradient in gradients]
        overlapped = like.device.type == "cpu" and sum(sizes) > OVERLAPPED_BYTES
        self.members = _members(sizes, ranks * MESSAGE_BYTES if overlapped else inf)
        self._all_reduce = all_reduce
        numbers = sum(gradient.numel() for gradient in gradients)
        buffer = like.new_zeros(numbers + 2 + FLAGS)
        self._means = buffer[: numbers + 1]  # gradients and loss
        self._loss, self._count, self._flags = buffer[numbers], buffer[numbers + 1], buffer[-FLAGS:]
        self._chunks: list[Tensor] = []  # of the buffer, the gradients of each bucket
        self._views: list[list[Tensor]] = []  # the same, in the gradients' shapes
        start = 0
        for members in self.members:
            lengths = [gradients[number].numel() for number in members]
            chunk = buffer[start : start + sum(lengths)]
            start += sum(lengths)
            parts = zip(torch.split(chunk, lengths), members, strict=True)
            self._views.append([part.view(gradients[number].shape) for part, number in parts])
            self._chunks.append(chunk)
        self._last = buffer[start - self._chunks[-1].numel() :]
        self._lock = Lock()
        self.start(0)

    def start(self, count: float | Tensor) -> None:
        """Begin a step, of which this rank's gradients are means over ``count`` images or pixels.

        It need not be said where nothing is done before the end.
        """
        self._images = count
        self._found: list[dict[int, Sequence[Tensor]]] = [{} for _ in self.members]
        self._works: list[Work] = []

    def done(self, bucket: int, gradients: Sequence[Tensor], part: int, parts: int) -> None:
        """Take a bucket's gradients from one of the threads that compute parts of this rank's.

        The last to come begins the bucket, and those that wait for it; never the last bucket.

        Args:
            bucket: its number.
            gradients: its members, which nobody changes until all is summed.
            part: which thread.
            parts: how many there are.
        """
        with self._lock:
            self._found[bucket][part] = gradients
            while (begun := len(self._works)) < len(self.members) - 1:
                found = self._found[begun]
                if len(found) < parts:
                    break
                self._begin([found[number] for number in range(parts)])

    def begin_all(
        self,
        loss: Tensor,
        gradients: Sequence[Tensor],
        count: float | Tensor,
        flags: Sequence[bool],
    ) -> None:
        """Begin what has not begun yet, the loss and the flags with it.

        Args:
            loss: the mean over this rank's images.
            gradients: all of this rank; of its threads the sums.
            count: of ``start``.
            flags: up to ``FLAGS``.
        """
        self._images = count
        while len(self._works) < len(self.members) - 1:
            self._begin([self._of_bucket(len(self._works), gradients)])
        self._loss.copy_(loss)
        self._loss.mul_(count)
        self._count.fill_(count)
        self._flags.zero_()
        for number, flag in enumerate(flags):
            self._flags[number] = float(flag)
        self._begin([self._of_bucket(len(self._works), gradients)], self._last)

    def wait(self) -> None:
        """Wait until all is summed."""
        for work in self._works:
            work.wait()

    def result(self, gradients: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Give the gradients their means over all ranks; the mean loss, and the flags' sums."""
        self.start(0)
        self._means /= self._count.clamp(min=1)
        for number, views in enumerate(self._views):
            if views:
                torch._foreach_copy_(self._of_bucket(number, gradients), views)
        return self._loss.clone(), self._flags

    def _begin(self, parts: Sequence[Sequence[Tensor]], whole: Tensor | None = None) -> None:
        """Sum the next bucket over the threads, in their order, and begin to over the ranks."""
        number = len(self._works)
        first, *others = parts
        if views := self._views[number]:
            torch._foreach_copy_(views, list(first))
            for other in others:
                torch._foreach_add_(views, list(other))
        self._chunks[number].mul_(self._images)
        self._works.append(self._all_reduce(self._chunks[number] if whole is None else whole))

    def _of_bucket(self, bucket: int, gradients: Sequence[Tensor]) -> list[Tensor]:
        return [gradients[number] for number in self.members[bucket]]


def _members(sizes: Sequence[int], bucket_bytes: float) -> list[list[int]]:
    """The numbers of the gradients in each bucket, by their bytes; from the last to the first."""
    buckets: list[list[int]] = [[]]
    filled = 0
    for number in reversed(range(len(sizes))):
        if filled >= bucket_bytes:
            buckets.append([])
            filled = 0
        buckets[-1].append(number)
        filled += sizes[number]
    return buckets
