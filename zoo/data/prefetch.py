"""Preparing items ahead of their use on one background thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")


def prefetch(
    prepare: Callable[[int], T], indices: Iterable[int], depth: int
) -> Generator[T, None, None]:
    """``prepare(index)`` for each index in order, up to ``depth`` of them ahead of the consumer.

    What ``prepare`` raises is raised here. The thread ends with the iterator: when it is exhausted,
    closed or collected, after at most the item in work.
    """
    ahead: deque[Future[T]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="prefetch") as worker:
        _limit_to_one_core(worker)
        try:
            for index in indices:
                ahead.append(worker.submit(prepare, index))
                if len(ahead) > depth:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            for future in ahead:
                future.cancel()


def _limit_to_one_core(worker: ThreadPoolExecutor) -> None:
    """Let torch compute on one core in the worker.

    Otherwise each of its operations wakes a second team of threads, which then waits for work by
    spinning, on the cores that the training step computes on: with two cores steps took twice as
    long. The limit is the thread's own, but setting it also changes what threads started later
    begin with, so the caller's number is set again.
    """
    worker.submit(use_one_core).result()
    torch.set_num_threads(torch.get_num_threads())


def use_one_core() -> None:
    """Let torch compute on one core in this thread; see :func:`_limit_to_one_core`."""
    torch.get_num_threads()  # a thread's first query resets its number, so it must come before
    torch.set_num_threads(1)
