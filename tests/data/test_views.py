"""Views of pictures, pairs and bursts: that two are of one crop, and different ones."""

from __future__ import annotations

import pytest
import torch

from zoo.data.batches import Batches
from zoo.data.noise.gaussian import Gaussian
from zoo.data.noise.none import NoNoise
from zoo.data.pairings.base import Pairing
from zoo.data.pairings.neighbors import Neighbors
from zoo.data.sets import Bursts, ImagePairs, SingleImages
from zoo.errors import DataError


class OneView(Pairing):
    """A pairing of one view that changes nothing."""

    needs = "nothing"


def bursts(*counts: int) -> Bursts:
    """Shot k of scene s has the value 10 s + k in every second pixel, and others elsewhere."""
    shots = []
    for scene, count in enumerate(counts):
        images = [torch.full((1, 6 + scene, 8), 10.0 * scene + k) for k in range(count)]
        shots.append(tuple(images))
    names = tuple(f"scene {s}" for s in range(len(counts)))
    return Bursts(names, tuple(shots))


def test_two_different_shots_of_a_scene_each_as_often() -> None:
    batches = Batches(bursts(2, 4), None, batch_size=6000, height=4, width=4, samples=6000)
    batch = batches.batch(0, 0)
    first, second = batch.x[:, 0, 0, 0], batch.target[:, 0, 0, 0]
    assert torch.equal(first // 10, second // 10)
    assert not (first == second).any()
    pairs = torch.stack([first, second], 1).unique(dim=0, return_counts=True)
    assert len(pairs[0]) == 2 + 4 * 3
    of_four = pairs[1][pairs[0][:, 0] >= 10].float()
    assert float((of_four - of_four.mean()).abs().max()) < 5 * float(of_four.mean()) ** 0.5


def test_the_crops_of_two_shots_are_at_one_place() -> None:
    place = torch.arange(48.0).reshape(1, 6, 8)
    scene = tuple(place + 100 * k for k in range(3))
    batch = Batches(Bursts(("s",), (scene,)), None, batch_size=50, height=3, width=3).batch(0, 0)
    assert torch.equal(batch.x % 100, batch.target % 100)


def test_one_view_of_pairs_is_either_image() -> None:
    images = tuple(torch.full((1, 6, 6), float(k)) for k in range(4))
    pairs = ImagePairs(("a", "b"), images[:2], images[2:], second_is_clean=False)
    options = {"batch_size": 400, "height": 6, "width": 6, "samples": 400}
    batch = Batches(pairs, None, pairing=OneView(), **options).batch(0, 0)  # type: ignore[arg-type]
    assert torch.equal(batch.x, batch.target)
    counts = batch.x[:, 0, 0, 0].int().bincount(minlength=4)
    assert counts[:2].sum() + counts[2:].sum() == 400
    assert float((counts - 100).abs().max()) < 45
    clean = ImagePairs(("a", "b"), images[:2], images[2:], second_is_clean=True)
    batch = Batches(clean, None, pairing=OneView(), **options).batch(0, 0)  # type: ignore[arg-type]
    assert set(batch.x.flatten().tolist()) == {0.0, 1.0}


def test_one_view_of_a_burst_is_any_shot() -> None:
    batches = Batches(
        bursts(3), None, batch_size=300, height=4, width=4, samples=300, pairing=OneView()
    )
    assert set(batches.batch(0, 0).x.flatten().tolist()) == {0.0, 1.0, 2.0}


def test_pictures_that_are_noisy_already() -> None:
    image = torch.arange(256.0).reshape(1, 16, 16) / 16
    pictures = SingleImages(("a",), (image,))
    batch = Batches(
        pictures, NoNoise(), batch_size=3, height=8, width=8, pairing=Neighbors(0)
    ).batch(0, 0)
    assert set(batch.x.flatten().tolist()) <= set(image.flatten().tolist())
    assert batch.x.shape == (1, 1, 8, 8)
    with pytest.raises(DataError, match="too small for crops of 18 x 16"):
        Batches(pictures, NoNoise(), batch_size=3, height=9, width=8, pairing=Neighbors(0))


def test_single_views_with_simulated_noise() -> None:
    pictures = SingleImages(("a",), (torch.full((3, 64, 64), 128, dtype=torch.uint8),))
    batch = Batches(
        pictures, Gaussian(25), batch_size=8, height=16, width=16, samples=8, pairing=Neighbors()
    ).batch(0, 0)
    for side in (batch.x, batch.target):
        assert float((side - 128 / 255).std()) * 255 == pytest.approx(25, rel=0.05)
    errors = (batch.x - 128 / 255) * (batch.target - 128 / 255)
    assert abs(float(errors.mean())) < 5 * float(errors.std()) / errors.numel() ** 0.5


@pytest.mark.parametrize(
    ("shots", "message"),
    [
        (((torch.zeros(1, 4, 4),),), "s: has one shot. A burst has two or more of its scene."),
        (
            ((torch.rand(1, 4, 4), torch.rand(1, 4, 5)),),
            "s: its shots have the shapes (1, 4, 4) and (1, 4, 5). All shots of a burst must have "
            "the same size.",
        ),
        (
            ((torch.eye(4)[None], torch.eye(4)[None]),),
            "data: 1 of 1 pairs have the same picture twice (s). The noise of the two must differ.",
        ),
    ],
)
def test_shots_that_are_no_burst(shots: tuple, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(DataError) as caught:
        Bursts(("s",), shots)
    assert str(caught.value) == message
