from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.data.augment import Augment
from zoo.data.batch import Batch
from zoo.errors import ArgumentError

N = 800


def turned(augment: Augment, draws: torch.Generator, size: tuple[int, int] = (2, 2)) -> Tensor:
    """N turned copies of an image whose pixels are numbered, (N, H, W)."""
    image = torch.arange(float(size[0] * size[1])).view(1, 1, *size).expand(N, 3, *size)
    batch = augment.turn(Batch(image, image + 10, image[:, :1] + 20), draws)
    assert batch.mask is not None
    assert torch.equal(batch.target, batch.x + 10)
    assert torch.equal(batch.mask, batch.x[:, :1] + 20)
    return batch.x[:, 0]


def counts(images: Tensor) -> dict[str, int]:
    """How often each image occurs, its rows written one after the other."""
    found, number = torch.unique(images.flatten(1).int(), dim=0, return_counts=True)
    texts = ["".join(map(str, image)) for image in found.tolist()]
    return dict(zip(texts, number.tolist(), strict=True))


FLIPS = {"0123", "1032", "2301", "3210"}
TURNS = {"0123", "1302", "3210", "2031"}
ALL = FLIPS | TURNS | {"0213", "3120"}


@pytest.mark.parametrize(
    ("augment", "expected"),
    [
        (Augment(flip=False), {"0123"}),
        (Augment(), FLIPS),
        (Augment(flip=False, transpose=True), {"0123", "0213"}),
        (Augment(flip=False, rotate=True), TURNS),
        (Augment(flip=False, rotate=True, transpose=True), ALL),
        (Augment(flip=True, transpose=True), ALL),
        (Augment(flip=True, rotate=True, transpose=True), ALL),
    ],
)
def test_every_turn_is_equally_likely(
    augment: Augment, expected: set[str], draws: torch.Generator
) -> None:
    found = counts(turned(augment, draws))
    assert set(found) == expected
    for number in found.values():
        assert number == pytest.approx(N / len(expected), abs=5 * (N / len(expected)) ** 0.5)


def test_rotation_is_that_of_rot90(draws: torch.Generator) -> None:
    image = torch.arange(9).view(3, 3)
    expected = {str(torch.rot90(image, k).flatten().tolist()) for k in range(4)}
    found = turned(Augment(flip=False, rotate=True), draws, (3, 3)).int()
    assert {str(one.flatten().tolist()) for one in found} == expected


def test_crops_that_are_not_square_can_be_flipped(draws: torch.Generator) -> None:
    Augment().check_fit(2, 3)
    assert set(counts(turned(Augment(), draws, (2, 3)))) == {"012345", "210543", "345012", "543210"}


@pytest.mark.parametrize("name", ["transpose", "rotate"])
def test_crops_that_are_not_square_cannot_be_turned(name: str) -> None:
    augment = Augment(**{name: True})
    augment.check_fit(32, 32)
    with pytest.raises(ArgumentError) as caught:
        augment.check_fit(32, 48)
    assert str(caught.value) == (
        f"augment: {name} turns crops of 32 x 48 into 48 x 32. Use square crops, or only flip."
    )


def test_noise_is_a_fraction_of_the_inputs_std_and_on_the_input_only(
    draws: torch.Generator,
) -> None:
    x, target = (torch.rand(20, 3, 16, 16, generator=draws) for _ in range(2))
    batch = Augment(flip=False, noise=0.1).add_noise(Batch(x, target), draws)
    assert torch.equal(batch.target, target)
    assert batch.mask is None
    noise = batch.x - x
    assert noise.std() == pytest.approx(0.1 * float(x.std()), rel=0.03)
    assert abs(float(noise.mean())) < 4 * float(noise.std()) / noise.numel() ** 0.5


@pytest.mark.parametrize("noise", [-0.1, float("nan"), float("inf")])
def test_impossible_noise(noise: float) -> None:
    with pytest.raises(ArgumentError) as caught:
        Augment(noise=noise)
    assert str(caught.value) == f"augment: noise is {noise}. It must be a number >= 0."
