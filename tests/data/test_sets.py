from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo.data.sets import ImagePairs, SingleImages
from zoo.errors import DataError


def images(count: int, *shape: int) -> tuple[Tensor, ...]:
    return tuple(torch.full(shape or (3, 4, 5), i, dtype=torch.uint8) for i in range(count))


def names(count: int) -> tuple[str, ...]:
    return tuple(f"{i}.png" for i in range(count))


def clean(count: int, held_out: frozenset[str] = frozenset()) -> SingleImages:
    return SingleImages(names(count), images(count), held_out)


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
            SingleImages(given_names, given_images)
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


def test_the_images_of_a_pair_are_not_the_same() -> None:
    draws = torch.Generator().manual_seed(0)
    noisy = tuple(torch.rand(3, 4, 5, generator=draws) for _ in range(5))
    with pytest.raises(DataError) as caught:
        ImagePairs(names(5), noisy, (*noisy[:4], noisy[0]), second_is_clean=True)
    assert str(caught.value) == (
        "data: 4 of 5 pairs have the same picture twice (0.png, 1.png, 2.png and 1 more). "
        "The noise of the two must differ."
    )
    assert ImagePairs(names(5), images(5), images(5), False).names == names(5)  # all of one value


def test_a_file_for_each_image() -> None:
    with pytest.raises(DataError) as caught:
        SingleImages(names(2), images(2), files=("a",))
    assert str(caught.value) == ("data: 1 files for 2 images. Give one for each, or none.")
    taken = SingleImages(names(3), images(3), files=("a", "b", "c")).take([2, 0])
    assert (taken.names, taken.files) == (("2.png", "0.png"), ("c", "a"))
