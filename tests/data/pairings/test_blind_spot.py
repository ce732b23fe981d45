"""Which pixels are hidden, and what stands in their places."""

from __future__ import annotations

import pytest
import torch

from zoo.data.batch import Batch
from zoo.data.pairings.blind_spot import BlindSpot
from zoo.errors import ArgumentError


def draw(pairing: BlindSpot, y: torch.Tensor, draws: torch.Generator) -> Batch:
    batch = pairing.draw(Batch(y, y), draws)
    assert batch.mask is not None
    assert torch.equal(batch.target, y)
    assert torch.equal(batch.x[batch.mask.expand_as(y) == 0], y[batch.mask.expand_as(y) == 0])
    return batch


@pytest.mark.parametrize("size", [(64, 64), (44, 22), (50, 61), (5, 7)])
def test_one_pixel_of_each_box_is_hidden(size: tuple[int, int], draws: torch.Generator) -> None:
    y = torch.randn(20, 3, *size, generator=draws)
    batch = draw(BlindSpot(), y, draws)
    assert batch.mask is not None
    box = min(22, *size)  # 0.2 % of the pixels are one of 22 x 22
    for top in range(0, size[0], box):
        for left in range(0, size[1], box):
            hidden = batch.mask[:, 0, top : top + box, left : left + box].sum((1, 2))
            assert torch.equal(hidden, torch.ones(20))
    hidden = batch.mask.expand_as(y) > 0
    assert not (batch.x == batch.target)[hidden].any()


def test_each_pixel_is_hidden_as_often(draws: torch.Generator) -> None:
    batch = draw(BlindSpot(1 / 16), torch.randn(8000, 1, 8, 8, generator=draws), draws)
    assert batch.mask is not None
    assert float((batch.mask.mean(0) - 1 / 16).abs().max()) < 5 * (15 / 256 / 8000) ** 0.5


@pytest.mark.parametrize("place", [(0, 0), (4, 4), (8, 3)])
def test_every_other_pixel_of_the_square_is_taken_as_often(
    place: tuple[int, int], draws: torch.Generator
) -> None:
    pairing, (row, column) = BlindSpot(size=5), place
    y = torch.arange(81.0).reshape(1, 1, 9, 9).expand(20000, 1, 9, 9)
    rows, columns = (torch.full((20000, 1), at) for at in place)
    values = pairing._random(y, rows, columns, draws).flatten().int()
    counts = values.bincount(minlength=81).reshape(9, 9)
    inside = torch.zeros(9, 9, dtype=torch.bool)
    inside[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] = True
    inside[row, column] = False
    assert counts[~inside].sum() == 0
    expected = 20000 / int(inside.sum())
    assert float((counts[inside] - expected).abs().max()) < 5 * expected**0.5


def test_the_median_of_the_others(draws: torch.Generator) -> None:
    y = torch.randn(6, 2, 30, 30, generator=draws)
    batch = draw(BlindSpot(size=3, replace="median"), y, draws)
    assert batch.mask is not None
    for image, _, row, column in batch.mask.nonzero().tolist():
        for channel in range(2):
            others = [
                float(y[image, channel, r, c])
                for r in range(max(0, row - 1), min(30, row + 2))
                for c in range(max(0, column - 1), min(30, column + 2))
                if (r, c) != (row, column)
            ]
            expected = sorted(others)[(len(others) - 1) // 2]
            assert float(batch.x[image, channel, row, column]) == pytest.approx(expected)


def test_missing_pixels_do_not_count(draws: torch.Generator) -> None:
    y = torch.rand(40, 1, 32, 32, generator=draws)
    known = (torch.rand(y.shape, generator=draws) < 0.5).float()
    batch = BlindSpot(0.01, stride=2).draw(Batch(y, y, known), draws)
    assert batch.mask is not None
    assert 0.2 < float(batch.mask.sum()) / (40 * 4) < 0.8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fraction": 0}, "blind_spot: fraction is 0. Use above 0, up to 0.25."),
        ({"fraction": 0.3}, "blind_spot: fraction is 0.3. Use above 0, up to 0.25."),
        ({"size": 4}, "blind_spot: size is 4. Use an odd number."),
        ({"size": 1}, "blind_spot: size is 1. It must be 3 or more."),
        ({"replace": "mean"}, "blind_spot: replace is 'mean'. It is 'random' or 'median'."),
        ({"stride": 0}, "blind_spot: stride is 0. It must be 1 or more."),
    ],
)
def test_impossible_arguments(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        BlindSpot(**arguments)  # type: ignore[arg-type]
    assert str(caught.value) == message
