"""The kit on data sources: a right one passes, and each mistake is found by its check."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from pathlib import Path

import pytest
import torch
from torch import Tensor

import zoo
from tests.conformance.test_kit import found_by
from tests.conformance.test_kit_noises import messages
from zoo.errors import DataError
from zoo.testing import (
    SOURCE_CHECKS,
    SourceCase,
)


def images(names: tuple[str, ...], *pictures: Tensor) -> zoo.SingleImages:
    return zoo.SingleImages(names, pictures)


def write(folder: Path) -> None:
    (folder / "data.txt").write_text("3")


def right(folder: Path, channels: int) -> zoo.SingleImages:
    if not (folder / "data.txt").exists():
        raise DataError(f"{folder}: there is no data.txt.")
    return images(("a", "b"), torch.zeros(channels, 4, 5), torch.ones(channels, 6, 5))


def same_names(folder: Path, channels: int) -> zoo.SingleImages:
    return images(("a", "a"), *right(folder, channels).images)


def up_to_255(folder: Path, channels: int) -> zoo.SingleImages:
    return images(("a",), right(folder, channels).images[1] * 255)


def always_grey(folder: Path, channels: int) -> zoo.SingleImages:
    return right(folder, 1)


def drawn(folder: Path, channels: int) -> zoo.SingleImages:
    right(folder, channels)
    return images(("a",), torch.rand(channels, 4, 5))


def in_any_order(folder: Path, channels: int) -> zoo.SingleImages:
    return images(next(ORDERS), *right(folder, channels).images)


def opens_the_file(folder: Path, channels: int) -> zoo.SingleImages:
    (folder / "data.txt").read_text()
    return right(folder, channels)


def makes_it_up(folder: Path, channels: int) -> zoo.SingleImages:
    return images(("a",), torch.zeros(channels, 4, 5))


# What needs no files, and is tried where it declares no cases.


def drawn_by_default(channels: int) -> zoo.SingleImages:
    return images(("a",), torch.rand(channels, 4, 5))


def shuffled_by_default(channels: int) -> zoo.SingleImages:
    return images(next(ORDERS), torch.zeros(channels, 4, 5), torch.ones(channels, 6, 5))


def named_twice_by_default(channels: int) -> zoo.SingleImages:
    return images(("a", "a"), torch.zeros(channels, 4, 5), torch.ones(channels, 6, 5))


def of_255_by_default(channels: int) -> zoo.SingleImages:
    return images(("a",), torch.full((channels, 4, 5), 255.0))


def without_its_file(channels: int) -> zoo.SingleImages:
    raise FileNotFoundError("there is no data.txt")


def right_without_its_file(channels: int) -> zoo.SingleImages:
    raise DataError("there is no data.txt.")


ORDERS = cycle([("a", "b"), ("b", "a")])


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (right, set()),
        (same_names, {"images"}),
        (up_to_255, {"images"}),
        (always_grey, {"images"}),
        (drawn, {"same_again"}),
        (in_any_order, {"same_again"}),
        (opens_the_file, {"missing_files"}),
        (makes_it_up, {"missing_files"}),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_every_mistake_in_a_source_is_found(
    load: Callable[[Path, int], zoo.SingleImages], expected: set[str]
) -> None:
    assert found_by(SOURCE_CHECKS, SourceCase(load, "album(path=a)", write)) == expected


def test_what_is_said_of_a_source() -> None:
    assert messages(SourceCase(up_to_255, "album(path=a)", write))["images"] == (
        "album(path=a): values of a float32 image go from 255 to 255. Black is 0 and white is 1."
    )
    said = messages(SourceCase(opens_the_file, "album(path=a)", write))["missing_files"]
    assert said.startswith("album(path=a): where the files are missing: FileNotFoundError: ")
    assert said.endswith("Raise DataError.")
