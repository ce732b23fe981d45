"""Entries that are damaged."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.data.cache.making import entries, values, write
from zoo.data.cache.cache import PictureCache
from zoo.data.cache.entry import END, MARK
from zoo.data.images import read_images
from zoo.data.stored import pixels_of
from zoo.errors import DataError


def cut_short(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def longer(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"x")


def flipped(place: int) -> Callable[[Path], None]:
    def flip(path: Path) -> None:
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        path.write_bytes(data)

    return flip


def empty(path: Path) -> None:
    path.write_bytes(b"")


def gone(path: Path) -> None:
    path.unlink()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def zeros(path: Path) -> None:
    """As after a crash of a machine that had not written them."""
    path.write_bytes(bytes(path.stat().st_size))


def boastful(path: Path) -> None:
    """An end that is right in itself and says more pixels than there are."""
    data = path.read_bytes()
    length, _, _ = END.unpack(data[-END.size :])
    said = json.loads(data[-END.size - length : -END.size])
    said["images"][0]["shape"][0] = 10**12
    text = json.dumps(said).encode()
    end = END.pack(len(text), hashlib.sha256(text).digest(), MARK)
    path.write_bytes(data[: -END.size - length] + text + end)


DAMAGES = [
    cut_short,
    longer,
    flipped(0),
    flipped(1000),
    flipped(-1),
    flipped(-20),
    flipped(-45),
    flipped(-300),
    empty,
    gone,
    a_pipe,
    zeros,
    boastful,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_entry_is_decoded_again(
    damage: Callable[[Path], None], tmp_path: Path, decoded: list[str]
) -> None:
    path, cache = write(tmp_path / "a.png", values(40, 50, 3)), tmp_path / "cache"
    PictureCache(cache).read([path], 3)
    (entry,) = entries(cache)
    whole = entry.read_bytes()
    times = entry.stat()
    damage(entry)
    if entry.is_file():
        os.utime(entry, ns=(times.st_atime_ns, times.st_mtime_ns))
    ((image,),) = PictureCache(cache).read([path], 3)
    assert decoded == ["a.png", "a.png"]
    assert torch.equal(image.read(), pixels_of(read_images([path], 3)[0][0]))
    assert entries(cache) == [entry]
    assert entry.read_bytes() == whole


@pytest.mark.parametrize("how", ["gone", "cut"])
def test_an_entry_that_is_lost_while_it_is_used(how: str, tmp_path: Path) -> None:
    path = write(tmp_path / "a.png", values(20, 20, 3))
    ((image,),) = PictureCache(tmp_path / "cache").read([path], 3)
    image.path.unlink() if how == "gone" else os.truncate(image.path, 100)
    with pytest.raises(DataError) as caught:
        image.read()
    reason = "No such file or directory" if how == "gone" else "it has become shorter"
    assert str(caught.value) == (
        f"{image.path}: cannot be read any more: {reason}. Leave the files of a cache as they are "
        "while it is used; what is missing is decoded again by the next command."
    )
