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


class ThreadPool:
    """Runs pieces of work side by side, each on its part of torch's threads.

    By default torch spreads each operation over all cores, which wait for each other at its end.

    Args:
        size: how many pieces at a time, at least 1: the caller's own thread and size - 1 others.
    """

    def __init__(self, size: int) -> None:
        self._threads = max(1, torch.get_num_threads() // size)
        self._pool: ThreadPoolExecutor | None = None
        if size > 1:
            start = partial(_set_threads, self._threads)
            self._pool = ThreadPoolExecutor(size - 1, "zoo", initializer=start)

    def run(self, works: Sequence[Callable[[], T]]) -> list[T]:
        """The results of all, in order.

        Args:
            works: at most ``size``.

        Raises:
            Exception: the first that a piece of work raised, after all have ended; one that only
                waited for another that failed does not count.
        """
        first, *others = works
        assert self._pool is not None or not others
        if torch.is_inference_mode_enabled():  # torch keeps the mode for each thread by itself
            others = [partial(_in_inference_mode, work) for work in others]
        futures = [self._pool.submit(work) for work in others] if self._pool else []
        errors: list[BaseException | None] = []
        with num_threads(self._threads):  # to the end: torch starts new threads with what is set
            try:
                result = first()
            except BaseException as error:
                errors.append(error)
            errors += [future.exception() for future in futures]  # waits
        raised = [error for error in errors if error is not None]
        for cause in sorted(raised, key=lambda error: isinstance(error, BrokenBarrierError)):
            raise cause
        return [result, *(future.result() for future in futures)]


def _in_inference_mode(work: Callable[[], T]) -> T:
    with torch.inference_mode():
        return work()


def _set_threads(count: int) -> None:
    """Spread the operations of a new thread over so many."""
    torch.get_num_threads()  # else torch's first operation here would set it to what others have
    torch.set_num_threads(count)


@contextmanager
def num_threads(count: int) -> Iterator[None]:
    """Within it torch spreads this thread's operations over so many."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
