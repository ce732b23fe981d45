"""Workers that compute parts of one batch and show each other tensors on the way.

Each has a seat. Seats keep rows for what is shown, one set for each question of a pass, which stay
where they are: so a pass can be recorded, and its recording waits for the others as the pass did.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from threading import Barrier, BrokenBarrierError, Lock
from typing import TypeVar

import torch
from torch import Tensor

from zoo.nn.all_gather import gathering

T = TypeVar("T")

VOTE = 60.0  # seconds that a vote is waited for, far more than it takes


def run_now(call: Callable[[], object]) -> object:
    """Run ``call``; what a recorder replaces by something that also keeps it."""
    return call()


class Meeting:
    """A number of workers.

    Args:
        count: how many, at least 1.
    """

    def __init__(self, count: int) -> None:
        self.seats: Sequence[Seat] = [Seat(self, number) for number in range(count)]
        self._count = count
        self._lock = Lock()
        self._rows: dict[object, list[Tensor]] = {}
        self._barrier = Barrier(count)
        self._ballot = Barrier(count)
        self._votes = [False] * count

    def begin(self) -> None:
        """Forget that somebody left; nobody may be computing."""
        self._barrier.reset()
        self._ballot.reset()

    def leave(self) -> None:
        """Make the others fail that wait, now or later, instead of waiting for ever."""
        self._barrier.abort()
        self._ballot.abort()

    def wait(self) -> None:
        """Wait for all.

        Raises:
            BrokenBarrierError: somebody left.
        """
        self._barrier.wait()

    def rows(self, question: int, like: Tensor) -> Sequence[Tensor]:
        """A tensor for each worker's answer."""
        key = question, like.shape, like.dtype
        with self._lock:
            if key not in self._rows:
                self._rows[key] = [torch.empty_like(like) for _ in range(self._count)]
            return self._rows[key]

    def vote(self, number: int, yes: bool) -> bool:
        """Whether all workers say yes; no if one does not say anything, which may wait for us."""
        self._votes[number] = yes
        try:
            self._ballot.wait(VOTE)
            result = all(self._votes)
            self._ballot.wait(VOTE)  # all have read it
        except BrokenBarrierError:
            self.leave()
            return False
        return result


class Seat:
    """A worker's place in a meeting.

    Attributes:
        recorder: runs what is not an operation of torch, and keeps it if a pass is recorded.
    """

    def __init__(self, meeting: Meeting, number: int) -> None:
        self.recorder: Callable[[Callable[[], object]], object] = run_now
        self._meeting = meeting
        self._number = number
        self._questions = 0

    def agree(self, yes: bool) -> bool:
        """Whether all workers say yes."""
        return self._meeting.vote(self._number, yes)

    def leave(self) -> None:
        """Do not let the others wait."""
        self._meeting.leave()

    def taken(self, work: Callable[..., T]) -> Callable[..., T]:
        """``work``, a pass, in which ``all_gather`` asks the others."""

        @wraps(work)
        def seated(*arguments: Tensor) -> T:
            self._questions = 0
            try:
                with gathering(self._gather):
                    return work(*arguments)
            except BaseException:
                self.leave()
                raise

        return seated

    def _gather(self, tensor: Tensor) -> Tensor:
        rows = self._meeting.rows(self._questions, tensor)
        self._questions += 1
        rows[self._number].copy_(tensor)
        self.recorder(self._meeting.wait)
        return torch.stack(list(rows))
