from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.data.record import DataRecord, recorded
from zoo.data.sets import ImagePairs, SingleImages
from zoo.data.split import draw_split, without_copies
from zoo.errors import ArgumentError, DataError


def random_images(count: int, first: int = 0) -> tuple[Tensor, ...]:
    return tuple(
        torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(seed))
        for seed in range(first, first + count)
    )


def clean(count: int, *, copies: int = 0, **fields: object) -> SingleImages:
    """So many unrelated photographs, and copies of the first."""
    images = random_images(count)
    images += tuple(images[0] + 0.01 * (i + 1) for i in range(copies))
    names = tuple(f"{index}.png" for index in range(len(images)))
    return SingleImages(names, images, **fields)  # type: ignore[arg-type]


def test_a_split_has_every_photograph_once() -> None:
    split = draw_split(clean(10), 0.3, seed=0)
    assert (len(split.train), len(split.held_out)) == (7, 3)
    assert sorted(split.train + split.held_out) == list(range(10))
    assert split.train == sorted(split.train)
    assert split.remarks == ()


def test_a_split_depends_on_its_seed_only() -> None:
    assert draw_split(clean(20), 0.5, 3) == draw_split(clean(20), 0.5, 3)
    assert draw_split(clean(20), 0.5, 3) != draw_split(clean(20), 0.5, 4)


@pytest.mark.parametrize(("fraction", "held_out"), [(0.001, 1), (0.999, 2)])
def test_no_part_of_a_split_is_empty(fraction: float, held_out: int) -> None:
    assert len(draw_split(clean(3), fraction, 0).held_out) == held_out


def test_splits_that_cannot_be() -> None:
    with pytest.raises(DataError) as caught:
        draw_split(clean(1), 0.5, 0)
    assert str(caught.value) == (
        "data: there is only one image to train and to validate on, 0.png. Give two or more."
    )
    with pytest.raises(DataError) as caught:
        draw_split(clean(2, held_out=frozenset({"0.png", "1.png"})), 0.5, 0)
    assert str(caught.value) == "data: all 2 images are held out. Leave one or more to train on."
    with pytest.raises(DataError) as caught:
        draw_split(clean(1, copies=1, held_out=frozenset({"0.png"})), 0.5, 0)
    assert str(caught.value) == (
        "data: all images to train on show scenes that are held out (0.png, 1.png). "
        "Train on others."
    )
    with pytest.raises(ArgumentError) as wrong:
        draw_split(clean(2), 1.0, 0)
    assert str(wrong.value) == (
        "split: the validation fraction is 1.0. It must be between 0 and 1."
    )


@pytest.mark.parametrize("seed", range(10))
def test_copies_are_on_one_side(seed: int) -> None:
    split = draw_split(clean(6, copies=3), 0.2, seed)
    assert len(split.held_out) == 2  # the four that show one scene would be too many
    assert not {0, 6, 7, 8} & set(split.held_out)
    assert split.remarks == (
        "data: 4 of 9 images are of 1 file or scene, each on one side of the split "
        "(0.png, 6.png, 7.png and 1 more)",
    )
    held_out = set(draw_split(clean(6, copies=3), 0.5, seed).held_out)
    assert held_out & {0, 6, 7, 8} in (set(), {0, 6, 7, 8})
    alone = draw_split(clean(6, copies=3), 0.2, seed, by_scene=False)
    assert (len(alone.held_out), alone.remarks) == (2, ())


def test_images_of_one_file_are_on_one_side() -> None:
    files = ("a", "a", "a", "b", "b", "b")
    for seed in range(5):
        held_out = draw_split(clean(6, files=files), 0.1, seed).held_out
        assert held_out in ([0, 1, 2], [3, 4, 5])  # no smaller part is independent


def test_the_last_images_of_a_set_of_one_scene_are_held_out() -> None:
    expected = (
        "data: all 10 images are of one file or scene: the last 2 (8.png, 9.png) are held out, "
        "which tells little about other scenes",
    )
    for images in (clean(10, files=("a",) * 10), clean(1, copies=9)):
        split = draw_split(images, 0.2, seed=1)
        assert (split.train, split.held_out) == (list(range(8)), [8, 9])
        assert split.remarks == expected


def test_copies_of_photographs_that_a_set_holds_out_are_not_used() -> None:
    split = draw_split(clean(3, copies=2, held_out=frozenset({"0.png"})), 0.5, 0)
    assert (split.train, split.held_out) == ([1, 2], [0])
    assert split.remarks == (
        "data: 2 of 5 images show scenes that are held out, and are not trained on (3.png, 4.png)",
    )


def test_pairs_are_split_by_scene() -> None:
    first = random_images(4)
    second = tuple(image.flip(0) for image in first)
    pairs = ImagePairs(("0", "1", "2", "3"), first, second, True)
    assert len(draw_split(pairs, 0.25, 0).held_out) == 1
    burst = ImagePairs(pairs.names, (first[0],) * 3 + first[:1], second, False)
    assert draw_split(burst, 0.25, 0).held_out == [3]


def test_training_without_copies_of_other_validation_images() -> None:
    train = clean(4, files=("a", "a", "b", "c"))
    held_out = SingleImages(("x", "y"), (train.images[1].flip(2), random_images(1, 50)[0]))
    split = without_copies(train, held_out)
    assert (split.train, split.held_out) == ([2, 3], [0, 1])  # nor the other one of that file
    assert split.remarks == (
        "data: 2 of 4 images show scenes that are held out, and are not trained on (0.png, 1.png)",
    )
    assert without_copies(clean(3), SingleImages(("y",), held_out.images[1:])).remarks == ()


def test_what_another_run_held_out_stays_held_out() -> None:
    images = clean(6, copies=1)
    before = DataRecord(recorded(images, [1, 2]), recorded(images, [0]))
    split = draw_split(images, 0.5, 0, before=before)
    assert split.held_out == [0, 6]
    unseen = DataRecord(recorded(images, [0, 1, 2, 3]), ())
    for seed in range(5):
        assert set(draw_split(images, 0.2, seed, before=unseen).held_out) <= {4, 5}
    everything = DataRecord(recorded(images, range(7)), ())
    assert len(draw_split(images, 0.2, 0, before=everything).held_out) == 1
