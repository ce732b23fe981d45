"""The products for many channels on both grids, against their definitions."""

from __future__ import annotations

import pytest

from tests.engine.conv.grid_maps import numbers
from tests.engine.conv.products import CHECKS, check_random_maps, share_of_zeros_that_count
from zoo.engine.conv.axis import Axis
from zoo.engine.conv.gemm_nhwc import GemmNHWC

pytestmark = pytest.mark.usefixtures("taps_side_by_side")


@pytest.mark.parametrize("product", CHECKS)
def test_random_maps(product: str) -> None:
    check_random_maps(GemmNHWC, product, examples=60)


def test_the_definition_is_that_of_a_convolution_worked_out_by_hand() -> None:
    """One row, kernel (1, 2, 3) at offsets -1, 0, 1, stride 2, of the pixels 1, 10, 100, 1000."""
    case = numbers(GemmNHWC(Axis(1, 1, 1, (0,)), Axis(2, 4, 2, (-1, 0, 1)), 1, 1, 1))
    case.weight.copy_(case.weight.new_tensor([1, 2, 3]).view(1, 3, 1, 1))
    case.fine.copy_(case.fine.new_tensor([1, 10, 100, 1000]))
    case.coarse.copy_(case.coarse.new_tensor([1, 10]))
    assert case.fprop(case.fine).flatten().tolist() == [2 + 30, 10 + 200 + 3000]
    assert case.dgrad().flatten().tolist() == [2, 3 + 10, 20, 30]
    assert case.wgrad(case.fine).flatten().tolist() == [100, 1 + 1000, 10 + 10000]
    for product in ("fprop", "dgrad", "wgrad"):
        CHECKS[product](case)


def test_zeros_around_the_image_count() -> None:
    """So the tests above would fail if one of them were forgotten."""
    axis = Axis(3, 6, 2, (-1, 0, 1, 2))
    assert share_of_zeros_that_count(numbers(GemmNHWC(axis, axis, 2, 1, 1))) > 0.5
