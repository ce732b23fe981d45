"""Ranks that compute shards of one batch and gather each other's tensors on the way.

A rank is what its layers see of the group: ``all_gather`` in the middle of a pass, ``all_agree``
between passes, ``abort`` where it fails. Here ranks are threads, of one process or of each process
of a :class:`zoo.distributed.world.World`; the buffers that they gather in stay where they are, so a
pass can be recorded, and its replay waits for the others as it did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from threading import Barrier, BrokenBarrierError, Lock
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor

from zoo.distributed.world import ALONE, World
from zoo.nn.all_gather import gathering

T = TypeVar("T")

TIMEOUT = 60.0  # seconds that an agreement is waited for, far more than it takes


def run_now(call: Callable[[], object]) -> object:
    """Run ``call``; what a recorder replaces by something that also keeps it."""
    return call()


class ThreadGroup:
    """Ranks that are threads of this process.

    Args:
        size: how many, at least 1.
        world: the processes, each with as many of them.
    """

    def __init__(self, size: int, world: World = ALONE) -> None:
        self.ranks: Sequence[Rank] = [Rank(self, index, size) for index in range(size)]
        self._size = size
        self._world = world
        self._lock = Lock()
        self._buffers: dict[object, _Buffer] = {}
        self._barrier = Barrier(size)
        self._agreement = Barrier(size)
        self._votes = [False] * size

    def reset(self) -> None:
        """Forget that a rank aborted; none may be computing."""
        self._barrier.reset()
        self._agreement.reset()

    def abort(self) -> None:
        """Make the others fail that wait, now or later, instead of waiting for ever."""
        self._barrier.abort()
        self._agreement.abort()

    def exchange(self, index: int, blocks: Sequence[Tensor]) -> None:
        """Wait until the blocks have what all have put there.

        Raises:
            BrokenBarrierError: a rank aborted.
            RankError: another process is gone.
        """
        self._barrier.wait()
        if self._world.size > 1:
            if index == 0:
                self._world.all_gather(blocks)
            self._barrier.wait()

    def gather_buffer(self, slot: int, like: Tensor) -> _Buffer:
        """Where the answers to the slot-th question of a pass are put."""
        key = slot, like.shape, like.dtype
        with self._lock:
            if key not in self._buffers:
                shape = self._size, *like.shape
                blocks = [like.new_empty(shape) for _ in range(self._world.size)]
                self._buffers[key] = _Buffer(blocks, blocks[self._world.rank].unbind(0))
            return self._buffers[key]

    def all_agree(self, index: int, yes: bool) -> bool:
        """Whether all ranks say yes; no if one says nothing, which may be waiting for another."""
        self._votes[index] = yes
        try:
            self._agreement.wait(TIMEOUT)
            result = all(self._votes)
            self._agreement.wait(TIMEOUT)  # all have read it
            if self._world.size > 1:
                if index == 0:
                    self._votes[0] = self._world.all_agree(result)
                self._agreement.wait(TIMEOUT)
                result = self._votes[0]
                self._agreement.wait(TIMEOUT)
        except BrokenBarrierError:
            self.abort()
            return False
        return result


class _Buffer(NamedTuple):
    """Answers to a question.

    Attributes:
        blocks: (ranks, ...) of each process.
        rows: (...) of each rank of this process, in its block.
    """

    blocks: Sequence[Tensor]
    rows: Sequence[Tensor]


class Rank:
    """One member of a group.

    Attributes:
        index, size: its number in the group, from 0, and how many there are.
        host_callback: runs what is not an operation of torch, and keeps it if a pass is recorded.
    """

    def __init__(self, group: ThreadGroup, index: int, size: int) -> None:
        self.index, self.size = index, size
        self.host_callback: Callable[[Callable[[], object]], object] = run_now
        self._group = group
        self._slot = 0

    def all_agree(self, yes: bool) -> bool:
        """Whether all ranks say yes."""
        return self._group.all_agree(self.index, yes)

    def abort(self) -> None:
        """Do not let the others wait."""
        self._group.abort()

    def with_collectives(self, work: Callable[..., T]) -> Callable[..., T]:
        """``work``, a pass, in which :func:`zoo.nn.all_gather` asks the other ranks."""

        @wraps(work)
        def in_group(*arguments: Tensor) -> T:
            self._slot = 0
            try:
                with gathering(self._all_gather):
                    return work(*arguments)
            except BaseException:
                self.abort()
                raise

        return in_group

    def _all_gather(self, tensor: Tensor) -> Tensor:
        """(...) -> (ranks, ...)."""
        buffer = self._group.gather_buffer(self._slot, tensor)
        self._slot += 1
        buffer.rows[self.index].copy_(tensor)
        self.host_callback(partial(self._group.exchange, self.index, buffer.blocks))
        return torch.cat(list(buffer.blocks))
