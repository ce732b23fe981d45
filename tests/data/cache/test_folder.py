"""Folders that are a cache, cannot be one, or cannot be written in."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.cache.making import entries, values, write
from zoo.data.cache import cache as cache_module
from zoo.data.cache.cache import PictureCache
from zoo.data.cache.folder import make_folder
from zoo.data.images import read_images
from zoo.errors import DataError, UsageError
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
    assert refusal(file) == f"--cache {file}: is no folder. Use another folder."
    below = file / "my" / "cache"
    assert refusal(below) == f"--cache {below}: {file} is no folder. Use another folder."


def test_folders_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "broken").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    long = tmp_path / ("x" * 300)
    for folder, wrong in {
        tmp_path / "broken": "is a link that leads nowhere",
        tmp_path / "loop": "is a link that leads to itself",
        tmp_path / "broken" / "c": f"{tmp_path / 'broken'} is a link that leads nowhere",
        long: "cannot be used: File name too long",
        long / "c": "cannot be used: File name too long",
    }.items():
        assert refusal(folder) == f"--cache {folder}: {wrong}. Use another folder."
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no /proc")
def test_a_folder_that_the_system_does_not_make() -> None:
    assert re.fullmatch(
        r"--cache /proc/zoo: no file can be made in /proc: .*\. Use another folder\.",
        refusal(Path("/proc/zoo")),
    )


def test_folders_that_are_as_good_as_empty(tmp_path: Path) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / ".zoo-0123456789abcdef-0.tmp").touch()
    PictureCache(tmp_path)
    make_folder(tmp_path)
    PictureCache(tmp_path)
    make_folder(tmp_path)
    PictureCache(tmp_path / "new" / "below")
    assert not (tmp_path / "new").exists()
    make_folder(tmp_path / "new" / "below")
    assert (tmp_path / "new" / "below" / "zoo-picture-cache.txt").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written_in(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    for folder in (tmp_path, tmp_path / "cache"):
        assert refusal(folder) == (
            f"--cache {folder}: no file can be made in {tmp_path}: Permission denied. Use another "
            "folder."
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
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("of", ["an entry", "a folder"])
def test_a_disk_that_fills(
    of: str, pictures: tuple[Path, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is complete stays, and nothing else; the next command goes on."""
    cache = tmp_path / "cache"
    PictureCache(cache).read(pictures[:1], 3)

    def flush(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    def mkdir(path: Path, *arguments: Any, **options: Any) -> None:
        if not path.exists():
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((writing, "flush", flush) if of == "an entry" else (Path, "mkdir", mkdir)))
        with pytest.raises(DataError) as caught:
            PictureCache(cache).read(pictures, 3)
    assert str(caught.value) == (
        f"--cache {cache}: cannot be written in: No space left on device; 1 of 4 files are in it, "
        "and the same command goes on. Make room on its disk first, or use another folder."
    )
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
    assert found.remark == ""


def test_a_folder_in_the_place_of_an_entry(pictures: tuple[Path, ...], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    PictureCache(cache).read(pictures, 3)
    for entry in entries(cache):
        entry.unlink()
        entry.mkdir()
    PictureCache(cache).read(pictures, 3)
    assert all(entry.is_file() for entry in entries(cache))
    entry = entries(cache)[0]
    entry.unlink()
    (entry / "mine").mkdir(parents=True)
    with pytest.raises(UsageError) as caught:
        PictureCache(cache).read(pictures, 3)
    assert str(caught.value) == (
        f"{entry}: is a folder with files in it, where a picture of the cache has its file. Move "
        "it elsewhere, or use another cache."
    )
    assert (entry / "mine").is_dir()
