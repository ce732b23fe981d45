"""Text over pictures: how much it covers, where, and that nothing but the generator decides."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.data.crops import Crops, Photographs, whole_image
from zoo.data.noise.text import Text
from zoo.errors import ArgumentError


def grey_crops(n: int, channels: int = 3, height: int = 64, width: int = 48) -> Crops:
    """``n`` crops of one value that no random colour has."""
    pack = Photographs(["grey"], [torch.full((channels, height, width), -1.0)])
    block = torch.ones(n, dtype=torch.int64)
    positions = pack.random_positions(block, height, width, torch.Generator())
    return pack.crops(positions, block, height, width)


def covered(image: Tensor) -> Tensor:
    """Which pixels (N, H, W) of :func:`grey_crops` are covered: in all channels or in none."""
    changed = image != -1
    assert torch.equal(changed.all(1), changed.any(1))
    return changed.all(1)


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_what_is_covered_and_how(channels: int, draws: torch.Generator) -> None:
    crops = grey_crops(40, channels)
    noisy = Text(0.25).draw(crops, draws)
    assert noisy.mask is None
    parts = covered(noisy.image).float().mean((1, 2))
    assert float(parts.mean()) == pytest.approx(0.25, abs=0.01)
    assert float((parts - 0.25).abs().max()) < 0.05  # about half a large letter
    ink = noisy.image.movedim(1, -1)[covered(noisy.image)]
    assert 0 <= ink.min() < 0.1 < 0.9 < ink.max() < 1
    assert len(ink.unique(dim=0)) > 40  # a colour for each string
    assert crops.clean.equal(grey_crops(40, channels).clean)  # the crops are left alone


def test_the_coverage_is_drawn_for_each_image_and_copy(draws: torch.Generator) -> None:
    noise, crops = Text([0, 0.5], size=8), grey_crops(100)
    first, second = (covered(noise.draw(crops, draws).image).float().mean((1, 2)) for _ in "12")
    assert first.min() < 0.05
    assert 0.45 < first.max() < 0.52
    assert float(first.mean()) == pytest.approx(0.25, abs=0.05)
    assert not torch.equal(first, second)


def test_every_place_is_covered_as_often_and_the_median_is_clean(draws: torch.Generator) -> None:
    image = Text([0, 0.5]).draw(grey_crops(500, 1, 24, 24), draws).image
    often = covered(image).float().mean(0)
    edge = torch.cat([often[0], often[-1], often[:, 0], often[:, -1]])
    assert float(edge.mean()) == pytest.approx(float(often.mean()), abs=0.02)
    assert image.median(0).values.eq(-1).all()


def test_without_coverage_nothing_is_drawn(draws: torch.Generator) -> None:
    crops = grey_crops(3)
    assert Text(0).draw(crops, draws).image.equal(crops.clean)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (3, 2), (300, 500)])
def test_pictures_of_any_size(height: int, width: int, draws: torch.Generator) -> None:
    crop = whole_image("x", torch.full((3, height, width), -1.0), torch.ones(1, dtype=torch.int64))
    part = covered(Text(0.9, size=[6, 128]).draw(crop, draws).image).float().mean()
    assert 0.88 < part <= 1


def test_the_same_generator_draws_the_same_text() -> None:
    crops = grey_crops(4)
    used = Text(0.25)
    used.draw(crops, torch.Generator().manual_seed(1))  # what it has rendered plays no part
    first, second = (
        noise.draw(crops, torch.Generator().manual_seed(5)).image for noise in (used, Text(0.25))
    )
    assert first.equal(second)


def test_impossible_parameters() -> None:
    with pytest.raises(ArgumentError) as coverage:
        Text(coverage=0.95)
    assert str(coverage.value) == (
        "text noise: coverage is 0.95. It is a number >= 0 and <= 0.9, or two in ascending order."
    )
    with pytest.raises(ArgumentError) as size:
        Text(size=4)
    assert str(size.value) == (
        "text noise: size is 4. It is an integer >= 6 and <= 128, or two in ascending order."
    )
    with pytest.raises(ArgumentError) as order:
        Text(size=[32, 8])
    assert str(order.value) == "text noise: size is [32, 8]. Write the smaller number first."
