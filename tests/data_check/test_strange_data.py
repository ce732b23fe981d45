"""Data of which little can be said: nothing fails, and nothing is named falsely."""

from __future__ import annotations

import json

import pytest
import torch
from torch import Tensor

from tests.data_check.making import harmful
from zoo.data.sets import ImagePairs, SingleImages
from zoo.data_check.report import Report, check_images
from zoo.files import to_json

NAMES = ("a", "b", "c")


def draw(*size: int) -> tuple[Tensor, ...]:
    return tuple(torch.rand(size) for _ in NAMES)


def checked(images: SingleImages | ImagePairs) -> Report:
    report = check_images(images)
    assert json.loads(to_json(report.to_dict()))["usable"]
    return report


@pytest.mark.parametrize(
    "size", [(1, 1, 1), (3, 5, 5), (1, 16, 16), (3, 1, 300), (2, 17, 40), (1, 64, 64)]
)
def test_small_pictures_of_noise_alone(size: tuple[int, ...]) -> None:
    assert harmful(checked(SingleImages(NAMES, draw(*size)))) == []
    assert harmful(checked(ImagePairs(NAMES, draw(*size), draw(*size), False))) == []


def test_black_pictures() -> None:
    black = tuple(torch.zeros(3, 64, 64, dtype=torch.uint8) for _ in NAMES)
    for images in (SingleImages(NAMES, black), ImagePairs(NAMES, black, black, False)):
        assert [line.partition(":")[0] for line in harmful(checked(images))] == ["range", "copies"]


def test_huge_values_and_different_sizes() -> None:
    huge = SingleImages(NAMES, tuple(image * 1e30 for image in draw(3, 64, 64)))
    assert [line.partition(":")[0] for line in harmful(checked(huge))] == ["range"]
    sizes = (torch.rand(3, 5, 5), torch.rand(3, 300, 20), torch.rand(3, 400, 300))
    assert harmful(checked(SingleImages(NAMES, sizes))) == []


def test_one_picture_cannot_be_split() -> None:
    report = checked(SingleImages(("a",), (torch.rand(3, 64, 64),)))
    assert [finding.what for finding in report.findings].count("split") <= 1
