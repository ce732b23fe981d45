from __future__ import annotations

import struct
from typing import Any

import pytest

from zoo.pictures.exif import (
    Layout,
    Tag,
    build_exif,
    orientation_of,
    parse_exif,
    read_tags,
    write_tags,
)


def tags(order: Any) -> tuple[Tag, ...]:
    nested = Tag(40965, 4, 1, b"", (Tag(1, 2, 4, b"R98\0"),))
    return (
        Tag(271, 2, 6, b"Maker\0"),
        Tag(274, 3, 1, struct.pack(f"{order}H", 8)),
        Tag(282, 5, 1, struct.pack(f"{order}II", 72, 1)),
        Tag(34665, 4, 1, b"", (Tag(33434, 5, 1, b"12345678"), nested)),
        Tag(34853, 4, 1, b"", (Tag(1, 2, 2, b"N\0"),)),
    )


def padded(found: tuple[Tag, ...]) -> list[tuple[int, bytes, Any]]:
    return [(tag.code, tag.data, padded(tag.children)) for tag in found]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_directories_are_read_as_they_were_written(order: Any, big: bool) -> None:
    layout = Layout(order, big)
    data = b"?" * 50 + write_tags(tags(order), layout, 50)
    found = read_tags(lambda offset, count: data[offset : offset + count], layout, 50)
    assert padded(found) == padded(tags(order))


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_block_says_its_orientation(order: Any) -> None:
    block = build_exif(order, tags(order))
    assert orientation_of(block) == 8
    assert parse_exif(block)[0] == order
    assert padded(parse_exif(block)[1]) == padded(tags(order))


def test_a_damaged_block_is_upright() -> None:
    block = build_exif("<", tags("<"))
    for length in range(len(block)):
        assert orientation_of(block[:length]) in (1, 8)
    assert orientation_of(build_exif("<", [Tag(274, 3, 1, b"\x09\0")])) == 1
    assert orientation_of(b"") == 1
