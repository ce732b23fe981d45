"""Ranks that are threads of the test: what is shared out and agreed on, without processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier
from typing import Any, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")

LONGEST = 60  # seconds that a rank is waited for


@dataclass
class Shared:
    """What all ranks see."""

    size: int
    values: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values = [None] * self.size
        self.barrier = Barrier(self.size, timeout=LONGEST)


class ThreadWorld:
    """A :class:`zoo.distributed.world.World` of threads."""

    seconds = 0.0

    def __init__(self, shared: Shared, rank: int) -> None:
        self._shared = shared
        self.rank, self.size = rank, shared.size
        self._flags: Sequence[bool] = ()
        self._agreed: Sequence[bool] = ()

    def gather(self, value: T) -> list[T]:
        self._shared.values[self.rank] = value
        self._shared.barrier.wait()
        values = list(self._shared.values)
        self._shared.barrier.wait()
        return values

    def average(self, loss: Tensor, gradients: Sequence[Tensor], count: float | Tensor) -> Tensor:
        own = [loss.clone(), *(gradient.clone() for gradient in gradients)]
        parts = self.gather((own, float(count), self._flags))
        total = max(1.0, sum(number for _, number, _ in parts))
        means = [
            torch.stack([tensor * (number / total) for tensor, number in each]).sum(0)
            for each in zip(*([(it, n) for it in tensors] for tensors, n, _ in parts), strict=True)
        ]
        for gradient, mean in zip(gradients, means[1:], strict=True):
            gradient.copy_(mean)
        self._agreed = [any(each) for each in zip(*(flags for *_, flags in parts), strict=True)]
        return means[0]

    def buckets(self, gradients: Sequence[Tensor]) -> None:
        return None

    def agreed(self, *flags: bool) -> Sequence[bool]:
        self._flags = flags
        return self._agreed or [False] * len(flags)

    def all_gather(self, blocks: Sequence[Tensor]) -> None:
        found = self.gather(blocks[self.rank].clone())
        for block, other in zip(blocks, found, strict=True):
            block.copy_(other)

    def all_agree(self, yes: bool) -> bool:
        return all(self.gather(yes))

    def broadcast(self, value: T) -> T:
        return self.gather(value)[0]

    def remember(self, key: str, value: str) -> None:
        raise AssertionError("only the command line remembers")

    def remembered(self, key: str) -> str | None:
        raise AssertionError("only the command line remembers")


def together(size: int, work: Callable[[ThreadWorld], T]) -> list[T]:
    """What each rank computes; the first error of one that did not only wait for another."""
    shared = Shared(size)

    def of_rank(rank: int) -> T:
        torch.set_num_threads(1)
        try:
            with torch.no_grad():
                return work(ThreadWorld(shared, rank))
        except BaseException:
            shared.barrier.abort()
            raise

    with ThreadPoolExecutor(size) as pool:
        futures = [pool.submit(of_rank, rank) for rank in range(size)]
        return [future.result() for future in futures]
