"""The two half-size pictures, and that the corrected target is the published loss."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor

from zoo.data.batch import Batch
from zoo.data.pairings.neighbors import FIRST, SECOND, Neighbors, pick
from zoo.errors import ArgumentError


def numbered(n: int, height: int, width: int) -> Batch:
    """Images whose pixels are their place; the second channel has 1000 more."""
    y = torch.arange(float(height * width)).reshape(1, 1, height, width)
    y = torch.cat([y, y + 1000], 1).expand(n, -1, -1, -1)
    return Batch(y, y)


def test_pixels_of_a_cell_share_an_edge(draws: torch.Generator) -> None:
    batch = Neighbors(0).draw(numbered(400, 4, 6), draws)
    assert batch.x.shape == batch.target.shape == (400, 2, 2, 3)
    assert torch.equal(batch.x[:, 1], batch.x[:, 0] + 1000)  # the same for all channels
    assert torch.equal(batch.target[:, 1], batch.target[:, 0] + 1000)
    assert batch.kept == ()
    rows, columns = batch.x[:, 0] // 6, batch.x[:, 0] % 6
    assert torch.equal(rows // 2, torch.arange(2.0)[:, None].expand_as(rows))
    assert torch.equal(columns // 2, torch.arange(3.0).expand_as(columns))
    step = batch.target[:, 0] - batch.x[:, 0]
    found = Counter(zip(batch.x[:, 0].flatten().tolist(), step.flatten().tolist(), strict=True))
    in_first_cell = {pair: count for pair, count in found.items() if pair[0] in (0, 1, 6, 7)}
    assert set(in_first_cell) == {
        *((0, 1), (0, 6), (1, -1), (1, 6)),
        *((6, 1), (6, -6), (7, -1), (7, -6)),
    }
    assert all(count == pytest.approx(50, abs=28) for count in in_first_cell.values())  # 4 sigma


def test_the_corrected_target_has_the_gradient_of_the_published_loss(
    draws: torch.Generator,
) -> None:
    y = torch.randn(3, 2, 8, 6, dtype=torch.float64, generator=draws)
    weight, part = 2.0, 0.7
    a = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    b = torch.tensor(0.1, dtype=torch.float64, requires_grad=True)

    def network(x: Tensor) -> Tensor:
        return a * x + b * x.roll(1, 3)

    pairing = Neighbors(weight)
    drawn = pairing.draw(Batch(y, y), draws)
    seen, pair = drawn.kept
    assert torch.equal(seen, y)
    with torch.no_grad():
        batch = pairing.correct(drawn, network, part)
        of_all = network(y)
    difference = network(drawn.x) - drawn.target
    expected = pick(of_all, FIRST, pair) - pick(of_all, SECOND, pair)
    lam = weight * part
    published = difference.square().mean() + lam * (difference - expected).square().mean()
    ours = (1 + lam) * (network(batch.x) - batch.target).square().mean()
    gradients = torch.autograd.grad(published, (a, b))
    for one, other in zip(gradients, torch.autograd.grad(ours, (a, b)), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-13, atol=0)
    constant = lam / (1 + lam) * expected.square().mean()
    torch.testing.assert_close(published, ours + constant, rtol=1e-13, atol=0)


def test_without_weight_or_at_the_beginning_nothing_is_predicted(draws: torch.Generator) -> None:
    def never(x: Tensor) -> Tensor:
        raise AssertionError

    y = torch.randn(2, 1, 4, 4, generator=draws)
    for pairing, progress in ((Neighbors(0), 0.5), (Neighbors(), 0.0)):
        batch = pairing.draw(Batch(y, y), draws)
        assert pairing.correct(batch, never, progress) is batch


def test_the_mean_target_of_a_clean_ramp_is_the_clean_neighbour(draws: torch.Generator) -> None:
    """With the right network, d - e has mean 0: the correction takes out what neighbours differ."""
    ramp = torch.linspace(0, 1, 8).expand(1, 1, 8, 8)
    clean = ramp.expand(4000, 1, 8, 8)
    y = clean + 0.1 * torch.randn(clean.shape, generator=draws)
    pairing = Neighbors(1e6)
    drawn = pairing.draw(Batch(y, y), draws)
    batch = pairing.correct(drawn, lambda x: clean[: len(x)], 1.0)
    means = (batch.target - pick(clean, FIRST, drawn.kept[1])).mean(0)
    assert float(means.abs().max()) < 5 * 0.1 / 4000**0.5
    uncorrected = drawn.target - pick(clean, FIRST, drawn.kept[1])
    assert float(uncorrected.std()) > float((batch.target - batch.x).std() * 0.5)


def test_a_sub_lattice_has_every_second_pixel(draws: torch.Generator) -> None:
    assert Neighbors(stride=3).window(10, 20) == (60, 120)
    batch = Neighbors(0, stride=2).draw(numbered(50, 4, 8), draws)
    step = (batch.target - batch.x)[:, 0].abs().unique().tolist()
    assert step == [2.0, 16.0]
    assert len((batch.x[:, 0, 0, 0] % 2 + batch.x[:, 0, 0, 0] // 8 % 2 * 2).unique()) == 4


def test_the_mask_is_that_of_the_target(draws: torch.Generator) -> None:
    batch = numbered(30, 8, 8)
    mask = (torch.rand(30, 1, 8, 8, generator=draws) < 0.5).float()
    for stride in (1, 2):
        drawn = Neighbors(0, stride).draw(Batch(batch.x * 0 + mask, batch.target, mask), draws)
        assert drawn.mask is not None
        assert torch.equal(drawn.target[:, :1], drawn.mask)
        assert not torch.equal(drawn.x[:, :1], drawn.mask)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight": -1}, "neighbors: weight is -1. It must be a number >= 0."),
        ({"weight": float("inf")}, "neighbors: weight is inf. It must be a number >= 0."),
        ({"stride": 0}, "neighbors: stride is 0. It must be 1 or more."),
    ],
)
def test_impossible_arguments(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Neighbors(**arguments)  # type: ignore[arg-type]
    assert str(caught.value) == message
