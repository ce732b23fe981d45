"""What was found out once, and may be lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.data.cache.cache import PictureCache
from zoo.data.cache.known import Known, is_settled


def test_a_stamp_is_settled_when_a_change_gets_another() -> None:
    second = 10**9
    assert is_settled((1, 5 * second, 4 * second, 1), 8 * second)
    assert not is_settled((1, 5 * second, 4 * second, 1), 7 * second)
    assert not is_settled((1, 4 * second, 5 * second, 1), 7 * second)
    assert not is_settled((1, 50 * second, 5 * second, 1), 7 * second)  # of the future


@pytest.mark.parametrize("damage", [b"", b"x" * 10**5, b"\n" * 9, b"00000000 \n", None, b"{}"])
def test_what_is_known_may_be_lost(
    damage: bytes | None, pictures: tuple[Path, ...], tmp_path: Path, decoded: list[str]
) -> None:
    cache = tmp_path / "cache"
    PictureCache(cache).read(pictures, 3)
    known = cache / "known.txt"
    before = known.read_bytes()
    if damage is None:
        known.unlink()
        known.mkdir()
    else:
        known.write_bytes(damage + before[: len(before) // 2])
    decoded.clear()
    for _ in range(2):
        PictureCache(cache).read(pictures, 3)
    assert decoded == []


def test_lines_of_several_processes(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    one, other = Known(path), Known(path)
    one.note("a\n\udcff", (1, 2), "x")
    one.save()
    other.note("b", (3,), "y")
    other.save()
    with path.open("ab") as stream:
        stream.write(b'12345678 ["a", [1')  # of one that was killed
    one.note("c", (), "z")
    one.save()
    found = Known(path)
    assert found.get("a\n\udcff", (1, 2)) == "x"
    assert [found.get("b", (3,)), found.get("c", ()), found.get("b", (4,))] == ["y", "z", None]


def test_old_lines_are_left_out_in_time(tmp_path: Path) -> None:
    path = tmp_path / "known.txt"
    known = Known(path)
    for number in range(100):
        known.note("a", (number,), "x")
    known.save()
    assert Known(path).get("a", (99,)) == "x"
    assert len(path.read_bytes().splitlines()) == 1
    assert Known(path).get("a", (99,)) == "x"
