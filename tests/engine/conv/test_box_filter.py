"""Sums over s pixels, in the layouts in which pixels are kept by phase."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tests.engine.conv.grid_maps import sums_ahead, sums_behind
from zoo.engine.conv.box_filter import (
    sum_ahead,
    sum_behind,
    sum_pixels_ahead,
    sum_pixels_behind,
    sum_rows_behind,
)
from zoo.engine.conv.padded import PaddedNHWC


def by_phase(line: Tensor, s: int) -> Tensor:
    """(pixels,) -> (s, cells)."""
    return line.view(-1, s).t().contiguous()


@pytest.mark.parametrize("s", [1, 2, 3, 4])
def test_sums_along_a_line(s: int) -> None:
    line = torch.arange(float(4 * s)) ** 2
    ahead = sum_ahead(by_phase(line, s), 0, 1).t().flatten()
    expected = sums_ahead(line.view(1, 1, 1, -1), (1, s)).flatten()
    assert ahead[: len(expected)].equal(expected)
    behind = sum_behind(by_phase(line, s), 0, 1).t().flatten()
    expected = sums_behind(line.view(1, 1, 1, -1), (1, s)).flatten()
    assert behind.equal(expected[: len(line)])


@pytest.mark.parametrize("s", [1, 2, 3, 4])
def test_sums_of_pixels_side_by_side(s: int) -> None:
    pixels = torch.rand(12, 2, dtype=torch.float64)
    image = pixels.t().view(1, 2, 1, 12)
    ahead, behind = sums_ahead(image, (1, s))[0, :, 0].t(), sums_behind(image, (1, s))[0, :, 0].t()
    torch.testing.assert_close(sum_pixels_ahead(pixels, s)[: len(ahead)], ahead)
    torch.testing.assert_close(sum_pixels_behind(pixels, s), behind[:12])


@pytest.mark.parametrize("s", [1, 2, 3])
def test_sums_of_rows(s: int) -> None:
    layout = PaddedNHWC(s, above=1, rows=3, below=0, n=2, pitch=4, before=2, behind=1, channels=2)
    image = torch.rand(2, 2, 3 * s, 4, dtype=torch.float64)
    found = sum_rows_behind(layout.pack(image), layout)
    expected = layout.pack(sums_behind(image, (s, 1))[:, :, : 3 * s])
    torch.testing.assert_close(layout.view(found), layout.view(expected))
