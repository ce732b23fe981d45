"""Calls of compiled kernels with tensors, which a trace keeps as it keeps torch's operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from torch import Tensor

Argument = Tensor | int | float | None


class Watcher(Protocol):
    """What is told of each call in its thread."""

    def kernel_called(
        self, kernel: Callable[..., object], arguments: Sequence[Argument], writes: Sequence[Tensor]
    ) -> None:
        """Called before the kernel runs."""


_WATCHER: ContextVar[Watcher | None] = ContextVar("watcher", default=None)


def bound(kernel: Callable[..., object], arguments: Sequence[Argument]) -> Callable[[], object]:
    """What makes the same call again and again; it holds the tensors."""
    numbers, given = tuple(map(_number, arguments)), tuple(arguments)

    def run() -> None:
        if (watcher := _WATCHER.get()) is not None:
            watcher.kernel_called(kernel, given, ())
        kernel(*numbers)

    return run


def call(
    kernel: Callable[..., object], arguments: Sequence[Argument], writes: Sequence[Tensor]
) -> None:
    """Call a kernel.

    Args:
        kernel: what :func:`zoo.engine.compiled.build.kernel` made.
        arguments: of each tensor it is given the address, of None 0.
        writes: the tensors among them that it writes to.
    """
    if (watcher := _WATCHER.get()) is not None:
        watcher.kernel_called(kernel, arguments, writes)
    kernel(*map(_number, arguments))


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Within it the watcher is told of this thread's calls."""
    token = _WATCHER.set(watcher)
    try:
        yield
    finally:
        _WATCHER.reset(token)


def _number(value: Argument) -> Any:
    if value is None:
        return 0
    return value.data_ptr() if isinstance(value, Tensor) else value
