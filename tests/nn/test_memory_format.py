"""The order of axes in memory, and that layers keep it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import pytest
import torch
from torch import Tensor

from zoo.nn import NearestUpsampling, empty_preserving_format

ORDERS = list(permutations(range(4)))


def in_order(shape: Sequence[int], order: Sequence[int]) -> Tensor:
    """Random numbers whose axes lie in memory in that order, the first one the slowest."""
    memory = torch.randn([shape[axis] for axis in order], dtype=torch.float64)
    return memory.permute([order.index(axis) for axis in range(len(order))])


def order_of(x: Tensor) -> tuple[int, ...]:
    return tuple(sorted(range(x.dim()), key=x.stride, reverse=True))


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_an_empty_tensor_has_the_order_of_another(order: tuple[int, ...]) -> None:
    y = empty_preserving_format(in_order((2, 3, 4, 5), order), (3, 7, 2, 6))
    assert y.shape == (3, 7, 2, 6)
    assert order_of(y) == order
    assert y.dtype == torch.float64
    assert y.permute(order).is_contiguous()  # no gaps


def test_the_order_is_also_that_of_an_image_with_gaps() -> None:
    x = in_order((2, 3, 4, 6), (2, 0, 3, 1))[..., :5]
    assert order_of(empty_preserving_format(x, (2, 3, 8, 10))) == (2, 0, 3, 1)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_upsampling_keeps_the_order(order: tuple[int, ...]) -> None:
    layer, x = NearestUpsampling((2, 3)), in_order((2, 3, 4, 5), order)
    y = layer.forward(x)
    assert order_of(y) == order
    assert y.equal(x.repeat_interleave(2, dim=2).repeat_interleave(3, dim=3))
    grad_x = layer.backward(in_order(y.shape, order))
    assert order_of(grad_x) == order
