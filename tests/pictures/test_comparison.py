from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from zoo.pictures.comparison import GAIN, GAP, NARROWEST, REGION, STRIP, draw_comparison

Array = np.ndarray[Any, np.dtype[Any]]


def panels(picture: Image.Image, width: int, height: int, top: int = STRIP) -> list[Array]:
    """The three panels of the row whose panels begin at ``top``."""
    pixels = np.array(picture)
    lefts = [GAP + number * (max(width, NARROWEST) + GAP) for number in range(3)]
    return [pixels[top : top + height, left : left + width] for left in lefts]


def pair(*shape: int) -> tuple[Array, Array]:
    draws = np.random.default_rng(0)
    return draws.integers(0, 256, shape, np.uint8), draws.integers(0, 256, shape, np.uint8)


def test_a_small_picture_is_shown_as_it_is() -> None:
    before, after = pair(170, 300, 3)
    shown = panels(draw_comparison(before, after, 255), 300, 170)
    np.testing.assert_array_equal(shown[0], before)
    np.testing.assert_array_equal(shown[1], after)
    removed = 127.5 + GAIN * (before.astype(float) - after)
    np.testing.assert_allclose(shown[2], removed.clip(0, 255), atol=0.51)


@pytest.mark.parametrize(("dtype", "white"), [(np.uint16, 65535), (np.float32, 1.0)])
def test_what_is_shown_depends_on_white_alone(dtype: type, white: float) -> None:
    before, after = pair(30, 20)
    scaled = [(image.astype(np.float64) / 255 * white).astype(dtype) for image in (before, after)]
    found = draw_comparison(scaled[0], scaled[1], white)
    expected = draw_comparison(before, after, 255)
    np.testing.assert_allclose(np.array(found, int), np.array(expected, int), atol=1)


def test_a_tiny_picture_is_enlarged() -> None:
    before, after = pair(8, 10)
    shown = panels(draw_comparison(before, after, 255), 160, 128)
    np.testing.assert_array_equal(shown[0][::16, ::16, 0], before)


def test_a_large_picture_is_reduced_and_two_regions_are_shown() -> None:
    height, width = 1000, 1900  # reduced three times
    before = np.full((height, width), 100, np.uint8)
    before[600:, 1300:] = np.random.default_rng(0).choice([20, 220], (400, 600))
    after = np.where(before == 100, 90, before).astype(np.uint8)
    picture = draw_comparison(before, after, 255)
    whole = panels(picture, width // 3, height // 3)
    assert whole[0][10, 10, 0] == 100
    top = STRIP + height // 3 + GAP + STRIP
    detailed = panels(picture, REGION, REGION, top)[0]
    assert set(np.unique(detailed)) == {20, 220}  # pixels, not means of them
    flat = panels(picture, REGION, REGION, top + REGION + GAP + STRIP)
    assert (flat[0] == 100).all()
    assert (flat[2] == round(127.5 + GAIN * 10)).all()
