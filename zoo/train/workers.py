"""Threads that share the processor's cores, so that each computes by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import BrokenBarrierError
from typing import TypeVar

import torch

T = TypeVar("T")


class Workers:
    """Runs pieces of work side by side, each on its share of torch's threads.

    By default torch spreads each operation over all cores, which wait for each other at its end.

    Args:
        count: how many pieces at a time, at least 1: the caller's own thread and count - 1 others.
    """

    def __init__(self, count: int) -> None:
        self._threads = max(1, torch.get_num_threads() // count)
        self._pool: ThreadPoolExecutor | None = None
        if count > 1:
            start = partial(_set_threads, self._threads)
            self._pool = ThreadPoolExecutor(count - 1, "zoo", initializer=start)

    def run(self, works: Sequence[Callable[[], T]]) -> list[T]:
        """The results of all, in order.

        Args:
            works: at most ``count``.

        Raises:
            Exception: the first that a piece of work raised, after all have ended; one that only
                waited for another that failed does not count.
        """
        first, *others = works
        assert self._pool is not None or not others
        futures = [self._pool.submit(work) for work in others] if self._pool else []
        errors: list[BaseException | None] = []
        with threads(self._threads):  # to the end: new threads change what torch starts others with
            try:
                result = first()
            except BaseException as error:
                errors.append(error)
            errors += [future.exception() for future in futures]  # waits
        raised = [error for error in errors if error is not None]
        for cause in sorted(raised, key=lambda error: isinstance(error, BrokenBarrierError)):
            raise cause
        return [result, *(future.result() for future in futures)]


def _set_threads(count: int) -> None:
    """Spread the operations of a new thread over so many."""
    torch.get_num_threads()  # else torch's first operation here would set it to what others have
    torch.set_num_threads(count)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Within it torch spreads this thread's operations over so many."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
