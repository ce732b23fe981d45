"""The record of a run's images as it is in checkpoints."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from zoo.data.packed_record import packed, unpacked

GOOD = {"name": "a", "size": "3x4x5", "sha256": "0" * 64}


def text_of(content: bytes) -> torch.Tensor:
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)


def test_all_names_come_back() -> None:
    names = ("a b/c.png", "two\nlines", "ä€", "\udcff", "", " ")
    record = {"train": [GOOD | {"name": name} for name in names], "held_out": [GOOD]}
    found = packed(record)
    assert {text.dtype for text in found.values()} == {torch.uint8}
    assert unpacked(found) == record


@pytest.mark.parametrize(
    "other",
    [
        *({"train": [GOOD], "held_out": [GOOD]}, {"train": []}, [], None, 5),
        *({"train": torch.zeros(3)}, {"train": torch.zeros(2, 3, dtype=torch.uint8)}),
        *(
            {"train": torch.frombuffer(bytearray(it), dtype=torch.uint8)}
            for it in (b"a b", b"\xff")
        ),
        {"train": torch.frombuffer(bytearray(b"0 1x1x1 " + b"[" * 10**5), dtype=torch.uint8)},
    ],
)
def test_what_is_no_packed_record_stays_as_it_is(other: Any) -> None:
    assert unpacked(other) is other
