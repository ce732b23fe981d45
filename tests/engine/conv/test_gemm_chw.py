"""The products for few channels on the fine grid, against their definitions."""

from __future__ import annotations

import pytest

from tests.engine.conv.grid_maps import numbers
from tests.engine.conv.products import CHECKS, check_random_maps, share_of_zeros_that_count
from zoo.engine.conv.axis import Axis
from zoo.engine.conv.gemm_chw import GemmCHW


@pytest.mark.parametrize("product", CHECKS)
def test_random_maps(product: str) -> None:
    check_random_maps(GemmCHW, product, examples=60)


def test_zeros_around_the_image_count() -> None:
    """So the tests above would fail if one of them were forgotten."""
    axis = Axis(3, 6, 2, (-1, 0, 1, 2))
    assert share_of_zeros_that_count(numbers(GemmCHW(axis, axis, 2, 1, 1))) > 0.5
