"""The products for few channels on the high side, against their definitions."""

from __future__ import annotations

from hypothesis import given, settings

from tests.nn.fast.maps import Map, maps, numbers
from tests.nn.fast.products import (
    check_boxed_expand,
    check_boxed_reduce,
    check_expand,
    check_reduce,
    check_weight_gradient,
    share_of_zeros_that_count,
)
from zoo.nn.fast.axis import Axis
from zoo.nn.fast.planes import Planes

SEVERAL = settings(max_examples=60, derandomize=True, deadline=None)


@SEVERAL
@given(maps(Planes))
def test_reduce(case: Map) -> None:
    check_reduce(case)


@SEVERAL
@given(maps(Planes))
def test_expand(case: Map) -> None:
    check_expand(case)


@SEVERAL
@given(maps(Planes))
def test_weight_gradient(case: Map) -> None:
    check_weight_gradient(case)


@SEVERAL
@given(maps(Planes, boxed=True))
def test_reduce_of_sums(case: Map) -> None:
    check_boxed_reduce(case)


@SEVERAL
@given(maps(Planes, boxed=True))
def test_expand_to_sums(case: Map) -> None:
    check_boxed_expand(case)


@SEVERAL
@given(maps(Planes, boxed=True))
def test_weight_gradient_of_sums(case: Map) -> None:
    check_weight_gradient(case, boxed=True)


def test_the_definition_is_that_of_a_convolution_worked_out_by_hand() -> None:
    """One row, kernel (1, 2, 3) at offsets -1, 0, 1, stride 2, of the pixels 1, 10, 100, 1000."""
    case = numbers(Planes(Axis(1, 1, 1, (0,)), Axis(2, 4, 2, (-1, 0, 1)), 1, 1, 1))
    case.weight.copy_(case.weight.new_tensor([1, 2, 3]).view(1, 3, 1, 1))
    case.high.copy_(case.high.new_tensor([1, 10, 100, 1000]))
    case.low.copy_(case.low.new_tensor([1, 10]))
    assert case.reduced(case.high).flatten().tolist() == [2 + 30, 10 + 200 + 3000]
    assert case.expanded().flatten().tolist() == [2, 3 + 10, 20, 30]
    assert case.weight_gradient(case.high).flatten().tolist() == [100, 1 + 1000, 10 + 10000]
    check_reduce(case)
    check_expand(case)
    check_weight_gradient(case)


def test_zeros_around_the_image_count() -> None:
    """So the tests above would fail if one of them were forgotten."""
    axis = Axis(3, 6, 2, (-1, 0, 1, 2))
    assert share_of_zeros_that_count(numbers(Planes(axis, axis, 2, 1, 1))) > 0.5
