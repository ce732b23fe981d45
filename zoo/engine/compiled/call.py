"""Calls of compiled kernels with tensors, which a trace keeps as it keeps torch's operations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, Protocol

from torch import Tensor

Kernel = Callable[..., object]
Argument = Tensor | int | float | None
# The arguments of calls that may be made at the same time.
Parts = Sequence[Sequence[Argument]]


class Watcher(Protocol):
    """What is told of each call in its thread."""

    def kernel_called(self, kernel: Kernel, parts: Parts, writes: Sequence[Tensor]) -> None:
        """Called before the kernel runs."""


_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


def call(kernel: Kernel, parts: Parts, writes: Sequence[Tensor]) -> None:
    """Call a kernel, several times on as many threads if it has several parts to do.

    Args:
        kernel: what :func:`zoo.engine.compiled.build.kernel` made.
        parts: the arguments of each call; of a tensor it is given the address, of None 0.
        writes: the tensors among them that it writes to.
    """
    if (watcher := _WATCHER.get()) is not None:
        watcher.kernel_called(kernel, parts, writes)
    _run(kernel, _numbers(parts))


def bound(kernel: Kernel, parts: Parts) -> Callable[[], object]:
    """What makes the same call again and again; it holds the tensors."""
    numbers = _numbers(parts)

    def run() -> None:
        if (watcher := _WATCHER.get()) is not None:
            watcher.kernel_called(kernel, parts, ())
        _run(kernel, numbers)

    return run


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Within it the watcher is told of this thread's calls."""
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def _run(kernel: Kernel, numbers: Sequence[Sequence[Any]]) -> None:
    first, *others = numbers
    started = [_pool(len(others)).submit(kernel, *other) for other in others]
    try:
        kernel(*first)
    finally:
        for future in started:
            future.result()


@lru_cache(maxsize=8)
def _pool(size: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(size, "zoo-kernel")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of these threads


def _numbers(parts: Parts) -> list[list[Any]]:
    return [[_number(value) for value in arguments] for arguments in parts]


def _number(value: Argument) -> Any:
    if value is None:
        return 0
    return value.data_ptr() if isinstance(value, Tensor) else value
