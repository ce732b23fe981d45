from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.data.sets import CleanImages, ImagePairs
from zoo.errors import ArgumentError, DataError


def images(count: int, *shape: int) -> tuple[Tensor, ...]:
    return tuple(torch.full(shape or (3, 4, 5), i, dtype=torch.uint8) for i in range(count))


def names(count: int) -> tuple[str, ...]:
    return tuple(f"{i}.png" for i in range(count))


def clean(count: int, held_out: frozenset[str] = frozenset()) -> CleanImages:
    return CleanImages(names(count), images(count), held_out)


def test_a_split_has_every_photograph_once() -> None:
    train, validation = clean(10).split(0.3, seed=0)
    assert (len(train.names), len(validation.names)) == (7, 3)
    assert sorted(train.names + validation.names) == list(names(10))
    for part in (train, validation):
        assert [f"{int(image[0, 0, 0])}.png" for image in part.images] == list(part.names)


def test_a_split_depends_on_its_seed_only() -> None:
    assert clean(20).split(0.5, 3)[0].names == clean(20).split(0.5, 3)[0].names
    assert clean(20).split(0.5, 3)[0].names != clean(20).split(0.5, 4)[0].names


@pytest.mark.parametrize(("fraction", "validation"), [(0.001, 1), (0.999, 2)])
def test_no_part_of_a_split_is_empty(fraction: float, validation: int) -> None:
    parts = clean(3).split(fraction, 0)
    assert [len(part.names) for part in parts] == [3 - validation, validation]


def test_held_out_photographs_are_the_validation_set() -> None:
    train, validation = clean(4, frozenset({"2.png"})).split(0.5, 0)
    assert (train.names, validation.names) == (("0.png", "1.png", "3.png"), ("2.png",))


def test_pairs_stay_together_in_a_split() -> None:
    pairs = ImagePairs(names(9), images(9), images(9), second_is_clean=True)
    train, validation = pairs.split(0.4, 0)
    assert sorted(train.names + validation.names) == list(names(9))
    for part in (train, validation):
        assert part.second_is_clean
        first = [int(image[0, 0, 0]) for image in part.first]
        assert first == [int(image[0, 0, 0]) for image in part.second]
        assert [f"{value}.png" for value in first] == list(part.names)


def test_splits_that_cannot_be() -> None:
    with pytest.raises(DataError) as caught:
        clean(1).split(0.5, 0)
    assert str(caught.value) == (
        "data: 0.png is the only image to train and to validate on. Give two or more."
    )
    with pytest.raises(DataError) as caught:
        clean(2, frozenset(names(2))).split(0.5, 0)
    assert str(caught.value) == ("data: all 2 images are held out. Leave one or more to train on.")
    with pytest.raises(ArgumentError) as wrong:
        clean(2).split(1.0, 0)
    assert str(wrong.value) == (
        "split: the validation fraction is 1.0. It must be between 0 and 1."
    )


def test_sets_that_cannot_be() -> None:
    cases: list[tuple[tuple[str, ...], tuple[Tensor, ...], str]] = [
        (
            (),
            (),
            "data: 0 names for 0 images. Give one or more images, each with a name.",
        ),
        (
            names(1),
            images(2),
            "data: 1 names for 2 images. Give one or more images, each with a name.",
        ),
        (
            names(1),
            images(1, 4, 5),
            "0.png: a torch.uint8 tensor of shape (4, 5). An image is (C, H, W), uint8 or float32.",
        ),
        (
            names(1),
            (torch.zeros(3, 4, 5, dtype=torch.float64),),
            "0.png: a torch.float64 tensor of shape (3, 4, 5). "
            "An image is (C, H, W), uint8 or float32.",
        ),
        (
            names(2),
            (*images(1, 3, 4, 5), *images(1, 1, 4, 5)),
            "1.png: 1 channels where 0.png has 3. All images must have the same number.",
        ),
    ]
    for given_names, given_images, expected in cases:
        with pytest.raises(DataError) as caught:
            CleanImages(given_names, given_images)
        assert str(caught.value) == expected


def test_a_held_out_name_must_exist() -> None:
    with pytest.raises(DataError) as caught:
        clean(2, frozenset({"cat"}))
    assert str(caught.value) == (
        "data: the held-out cat is not among the images. Hold out images of the set."
    )


def test_the_images_of_a_pair_have_one_shape() -> None:
    with pytest.raises(DataError) as caught:
        ImagePairs(
            names(2),
            images(2),
            (*images(1), *images(1, 3, 5, 4)),
            second_is_clean=False,
        )
    assert str(caught.value) == (
        "1.png: the images of this pair have the shapes (3, 4, 5) and (3, 5, 4). "
        "Both images of a pair must have the same size."
    )
