"""Folders that are a cache, cannot be one, or cannot be written in."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.cache.making import entries, values, write
from zoo.data.cache import cache as cache_module
from zoo.data.cache.cache import PictureCache
from zoo.data.images import read_images
from zoo.errors import DataError, UsageError, WriteError
from zoo.files import writing
from zoo.pictures.folders import find_pictures


def refusal(folder: Path) -> str:
    with pytest.raises(UsageError) as caught:
        PictureCache(folder)
    return str(caught.value)


def test_a_folder_of_other_files_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    assert refusal(tmp_path) == (
        f"--cache {tmp_path}: has other files in it (thesis.txt), and is no cache of pictures. "
        "Use a new or empty folder."
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    file = tmp_path / "thesis.txt"
    message = "not a folder. Use a new or empty folder."
    assert refusal(file) == f"--cache {file}: {message}"
    assert refusal(file / "cache") == f"--cache {file / 'cache'}: {message}"


def test_folders_that_are_as_good_as_empty(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ".zoo-0123456789abcdef-0.tmp").touch()
    PictureCache(tmp_path)
    PictureCache(tmp_path)
    PictureCache(tmp_path / "new" / "below")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written_in(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(WriteError) as caught:
        PictureCache(tmp_path / "cache")
    assert str(caught.value) == (
        f"--cache {tmp_path / 'cache'}: cannot be used: Permission denied. Use another."
    )


def test_a_full_cache_is_read_where_nothing_can_be_written(
    pictures: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    PictureCache(cache).read(pictures[:2], 3)

    def refuse(*arguments: Any, **options: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    monkeypatch.setattr(Path, "touch", refuse)
    shutil.copy(cache / "known.txt", tmp_path)
    (cache / "known.txt").unlink()
    (cache / "known.txt").symlink_to("/dev/full")
    assert len(PictureCache(cache).read(pictures[:2], 3)) == 2
    with pytest.raises(UsageError) as caught:
        PictureCache(cache).read(pictures, 3)
    assert str(caught.value) == (
        f"--cache {cache}: not all pictures are in it, and it cannot be written in: "
        "Permission denied. Use another folder."
    )


def test_a_disk_without_room_is_known_before(
    pictures: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decoded: list[str]
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(9, 9, 2**20))  # type: ignore[attr-defined]
    big = write(tmp_path / "photos" / "big.png", np.zeros((1000, 1000, 3), np.uint8))
    with pytest.raises(DataError) as caught:
        PictureCache(tmp_path / "cache").read([big], 3)
    assert str(caught.value) == (
        f"--cache {tmp_path / 'cache'}: 1 pictures that are not in it take up to 2.9 MiB, and "
        "1.0 MiB are free on its disk. Use a folder on another disk, or fewer or smaller images."
    )
    assert decoded == []


def test_a_disk_that_fills(
    pictures: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is complete stays, and nothing else; the next command goes on."""
    cache = tmp_path / "cache"
    PictureCache(cache).read(pictures[:1], 3)

    def flush(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(writing, "flush", flush)
        with pytest.raises(WriteError) as caught:
            PictureCache(cache).read(pictures, 3)
    assert str(caught.value).endswith(".pixels: cannot be written: No space left on device.")
    assert len(entries(cache)) == 1
    assert list(cache.rglob(".zoo*")) == []
    assert len(PictureCache(cache).read(pictures, 3)) == 4


def test_pictures_that_cannot_be_read_are_all_named(folder: Path, tmp_path: Path) -> None:
    for number in range(3):
        (folder / f"bad{number}.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")
    pictures = find_pictures(folder).pictures
    with pytest.raises(DataError) as without:
        read_images(pictures, 3)
    with pytest.raises(DataError) as caught:
        read_images(pictures, 3, picture_cache=PictureCache(tmp_path / "cache"))
    assert str(caught.value) == str(without.value)
    assert len(caught.value.args) == 4


def test_a_picture_that_changes_while_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.png", values(20, 20, 3))

    def read_pages(path: Path, *rest: Any) -> Any:
        yield from original(path, *rest)
        with path.open("ab") as stream:
            stream.write(b"more")

    original = cache_module.read_pages
    monkeypatch.setattr(cache_module, "read_pages", read_pages)
    with pytest.raises(DataError) as caught:
        PictureCache(tmp_path / "cache").read([path], 3)
    message = f"{path}: was changed while it was read. Read it when it is complete."
    assert str(caught.value) == message
    assert entries(tmp_path / "cache") == []


def test_a_cache_among_the_pictures_is_left_out(folder: Path) -> None:
    before = find_pictures(folder).pictures
    PictureCache(folder / "cache").read(before, 3)
    found = find_pictures(folder)
    assert found.pictures == before
    assert found.remark == f"{folder}: 4 picture files; left out: 1 of zoo's caches (cache)"
