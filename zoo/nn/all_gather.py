"""What a layer that needs the whole batch asks of those that compute other parts of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

Gather = Callable[[Tensor], Tensor]

_OTHERS: ContextVar[Gather | None] = ContextVar("others", default=None)


def all_gather(tensor: Tensor) -> Tensor:
    """What every part of the batch has for ``tensor``, this one's own among them.

    A batch can be computed in parts of one size, at the same time
    (by :mod:`zoo.engine`). A layer with ``uses_batch_statistics`` is then given one of them, and
    finds out here what it needs of the others, in ``forward`` and in ``backward``: a sum over
    the batch is ``all_gather(sum_over_this_part).sum(0)``. All parts ask the same questions in
    the same order.

    Args:
        tensor: (...), of one shape for all parts.

    Returns:
        (parts, ...), in the order of the parts; one part where the batch is not divided.
    """
    gather = _OTHERS.get()
    return tensor.unsqueeze(0) if gather is None else gather(tensor)


@contextmanager
def gathering(gather: Gather) -> Iterator[None]:
    """Within it ``gather`` answers this thread's ``all_gather``."""
    token = _OTHERS.set(gather)
    try:
        yield
    finally:
        _OTHERS.reset(token)
