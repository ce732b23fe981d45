from __future__ import annotations

import numpy as np
import pytest

from zoo.pictures.values import Depth, convert

FLOAT = Depth(32, floating=True)


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_integers_come_back_from_floats(bits: int) -> None:
    values = np.arange(2**bits, dtype=Depth(bits).dtype)[:, None]
    floats = convert(values, Depth(bits), FLOAT)
    assert (floats.min(), floats.max()) == (0, 1)
    assert np.array_equal(convert(floats, FLOAT, Depth(bits)), values)


def test_white_stays_white_and_values_are_rounded() -> None:
    values = np.array([[0, 1, 2048, 4095]], np.uint16)
    assert convert(values, Depth(12), Depth(16)).tolist() == [[0, 16, 32776, 65535]]
    assert convert(values, Depth(12), Depth(8)).tolist() == [[0, 0, 128, 255]]


def test_floats_are_clipped_only_for_integers() -> None:
    values = np.array([[-0.5, 0.5, 1.5, np.nan, np.inf]], np.float32)
    assert convert(values, FLOAT, Depth(8)).tolist() == [[0, 128, 255, 0, 255]]
    assert np.array_equal(convert(values, FLOAT, FLOAT), values, equal_nan=True)
