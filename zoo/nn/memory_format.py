"""The order of axes in memory."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor


def empty_preserving_format(x: Tensor, shape: Sequence[int]) -> Tensor:
    """An uninitialised tensor of that shape, its axes in the order that those of x have in memory.

    ``torch.empty_like`` does the same for the shape of x. Images may lie in memory as NCHW or with
    the channels of a pixel side by side; elementwise operations keep that order, and a layer that
    makes an output of another shape keeps it with this: copies between two orders are several times
    slower than copies within one.

    Args:
        x: what gives the order, the dtype and the device.
        shape: as many axes as x has.
    """
    order = sorted(range(x.dim()), key=x.stride, reverse=True)
    memory = x.new_empty([shape[axis] for axis in order])
    return memory.permute([order.index(axis) for axis in range(x.dim())])
