"""The order of axes in memory."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def empty_ordered_as(x: Tensor, shape: Sequence[int]) -> Tensor:
    """An uninitialised tensor of that shape, its axes in the order that those of x have in memory.

    Convolutions hand each other images whose channels lie side by side, and elementwise operations
    keep that order. A layer that makes its output itself, of another shape, keeps it with this:
    copies between two orders are several times slower than copies within one.

    Args:
        x: what gives the order, the dtype and the device.
        shape: as many axes as x has.
    """
    order = sorted(range(x.dim()), key=x.stride, reverse=True)
    memory = x.new_empty([shape[axis] for axis in order])
    return memory.permute([order.index(axis) for axis in range(x.dim())])
