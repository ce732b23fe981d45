from __future__ import annotations

import math

import pytest

from zoo.spec.value_range import fits_float32

RIGHT = [(0, 1), (0, 4095), (-1, 1), (1e29, 1e30), (0, 2e-30), (1e9, 1.00001e9), (-1e30, 1e30)]
WRONG = [
    *((0, 0), (1, 0), (0, 1e-300), (0, 1e-30), (0, 1e31), (-1e308, 1e308), (1, 1 + 1e-9)),
    *((0, math.inf), (-math.inf, 0), (0, math.nan), (math.nan, 1)),
]


@pytest.mark.parametrize(("black", "white"), RIGHT)
def test_black_and_white(black: float, white: float) -> None:
    assert fits_float32(black, white)


@pytest.mark.parametrize(("black", "white"), WRONG)
def test_no_black_and_white(black: float, white: float) -> None:
    assert not fits_float32(black, white)
