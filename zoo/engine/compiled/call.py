"""Calls of compiled kernels with tensors, which a trace keeps as it keeps torch's operations."""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Protocol

from torch import Tensor

from zoo.engine.compiled.build import Kernel

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
    _run(kernel, _table(parts), len(parts))


class BoundCall:
    """Makes the same calls again and again; it holds the tensors. The arguments are ``call``'s."""

    def __init__(self, kernel: Kernel, parts: Parts) -> None:
        self._kernel = kernel
        self._parts = parts
        self._table = _table(parts)

    def __call__(self) -> None:
        """Make them."""
        if (watcher := _WATCHER.get()) is not None:
            watcher.kernel_called(self._kernel, self._parts, ())
        _run(self._kernel, self._table, len(self._parts))


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Within it the watcher is told of this thread's calls."""
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def _run(kernel: Kernel, table: array[int], count: int) -> None:
    address = table.buffer_info()[0]
    line = 8 * (len(table) // count)
    started = [
        _pool(count - 1).submit(kernel.run, address + line * part, 1) for part in range(1, count)
    ]
    try:
        kernel.run(address, 1)
    finally:
        for future in started:
            future.result()


@lru_cache(maxsize=8)
def _pool(size: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(size, "zoo-kernel")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # a child has none of these threads


def _table(parts: Parts) -> array[int]:
    """A line of 64-bit integers for each part."""
    return array("q", [_integer(value) for arguments in parts for value in arguments])


def _integer(value: Argument) -> int:
    """A tensor's address, the bits of a float64, 0 for None."""
    if isinstance(value, Tensor):
        return value.data_ptr()
    if isinstance(value, float):
        bits: int = struct.unpack("q", struct.pack("d", value))[0]
        return bits
    return value or 0
