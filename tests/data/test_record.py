from __future__ import annotations

import json

import pytest
import torch

from zoo.data.record import DataRecord, match, recorded
from zoo.data.sets import ImagePairs, SingleImages
from zoo.errors import DataError

GOOD = {"name": "a", "size": "3x4x5", "sha256": "0" * 64}


def clean(**levels: int) -> SingleImages:
    """A photograph of one grey level for each name."""
    images = tuple(torch.full((3, 4, 5), level, dtype=torch.uint8) for level in levels.values())
    return SingleImages(tuple(levels), images)


def test_a_record_is_plain_values_and_back() -> None:
    images = clean(a=1, b=2, c=3)
    record = DataRecord(recorded(images, [2, 0]), recorded(images, [1]))
    plain = json.loads(json.dumps(record.to_plain()))
    assert [item["name"] for item in plain["train"]] == ["c", "a"]
    assert plain["held_out"] == [{"name": "b", "size": "3x4x5", "sha256": images.hashes[1]}]
    assert DataRecord.from_plain(plain) == record


@pytest.mark.parametrize(
    "plain",
    [
        *({}, [], None, {"train": 1, "held_out": [GOOD]}, {"train": [{}], "held_out": [GOOD]}),
        *({"train": [], "held_out": [GOOD]}, {"train": [GOOD], "held_out": []}),
        {"train": [GOOD | {"sha256": "0" * 63}], "held_out": [GOOD]},
        {"train": [GOOD | {"size": "large"}], "held_out": [GOOD]},
        {"train": [GOOD | {"name": 1}], "held_out": [GOOD]},
    ],
)
def test_damaged_records(plain: object) -> None:
    with pytest.raises(DataError) as caught:
        DataRecord.from_plain(plain)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "is no record of images. Use lists train and held_out of one or more tables of name, "
        "size and sha256."
    )


def test_images_on_both_sides() -> None:
    images = clean(a=1, b=2, c=1)
    assert DataRecord(recorded(images, [0, 1]), recorded(images, [1, 2])).on_both_sides == [
        "b",
        "c",
    ]
    assert DataRecord(recorded(images, [0, 2]), recorded(images, [1])).on_both_sides == []


def test_images_are_found_in_the_recorded_order() -> None:
    before = recorded(clean(a=1, b=2, c=3), [2, 0, 1])
    found = match(before, clean(new=9, a=1, b=2, c=3))
    assert (found.indices, found.lost, found.renamed) == ([3, 1, 2], "", [])


def test_other_names_of_the_same_pixels() -> None:
    found = match(recorded(clean(a=1, b=2, c=1), range(3)), clean(x=2, a=1))
    assert (found.indices, found.lost) == ([1, 0, 1], "")
    assert found.renamed == ["b is now x", "c is now a"]
    swapped = match(recorded(clean(a=1, b=2), range(2)), clean(a=2, b=1))
    assert (swapped.indices, swapped.renamed) == ([1, 0], ["a is now b", "b is now a"])
    copy = match(recorded(clean(b=1), [0]), clean(a=1, b=1))
    assert (copy.indices, copy.renamed) == ([1], [])


def test_images_that_are_not_as_recorded() -> None:
    before = recorded(clean(a=1, b=2, c=3, d=4, e=5, f=6), range(6))
    found = match(before, clean(a=1, b=9))
    assert found.indices == [0]
    assert found.lost == "1 changed (b), 4 gone (c, d, e and 1 more)"


def test_pairs_are_the_same_where_both_sides_are() -> None:
    one, other = clean(a=1, b=2).images, clean(a=3, b=4).images
    before = recorded(ImagePairs(("a", "b"), one, other, True), range(2))
    found = match(before, ImagePairs(("a", "b"), one, (other[0], one[0]), True))
    assert (found.indices, found.lost) == ([0], "1 changed (b)")
    assert match(before, SingleImages(("a", "b"), one)).lost == "2 changed (a, b)"
