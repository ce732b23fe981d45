from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path
from typing import BinaryIO

import pytest

from zoo.errors import WriteError
from zoo.files import create_folder, create_text, to_json, write_atomically, write_text


def test_replaces_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "a long text\n")
    write_text(path, "kurz ä\n")
    assert path.read_bytes() == "kurz ä\n".encode()
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyError("x")])
def test_a_failure_keeps_the_old_file(tmp_path: Path, error: Exception) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(stream: BinaryIO) -> None:
        stream.write(b"half of the ")
        raise error

    with pytest.raises((WriteError, KeyError)) as raised:
        write_atomically(path, fail)
    if isinstance(error, OSError):
        assert str(raised.value) == f"{path}: cannot be written: No space left on device."
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"

    def write(stream: BinaryIO) -> None:
        stream.write(b"first ")
        write_text(path, "second\n")
        stream.write(b"whole\n")

    write_atomically(path, write)
    assert path.read_text() == "first whole\n"
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with pytest.raises(WriteError) as raised:
        write_atomically(path, lambda stream: path.write_text("theirs"), overwrite=False)
    assert str(raised.value) == f"{path}: cannot be written: File exists."
    assert path.read_text() == "theirs"
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


def test_files_with_names_like_temporary_ones_are_kept(tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("mine")
    (tmp_path / ".file.txt.tmp").symlink_to(other)
    write_text(tmp_path / "file.txt", "new")
    assert other.read_text() == "mine"
    assert (tmp_path / ".file.txt.tmp").is_symlink()


def test_a_name_as_long_as_the_system_allows(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 255)
    write_text(path, "new")
    create_text(tmp_path / ("y" * 255), "new")
    assert path.read_text() == "new"


def test_the_message_of_a_name_with_a_line_break_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WriteError) as raised:
        write_text(tmp_path / "a\nb" / "file.txt", "new")
    written = f"{tmp_path}/a\\u000ab/file.txt"
    assert str(raised.value) == f"{written}: cannot be written: No such file or directory."


def test_a_failing_rename_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(self: Path, target: Path) -> Path:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(WriteError) as raised:
        write_text(path, "new")
    assert str(raised.value) == f"{path}: cannot be written: Input/output error."
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "file.txt"
    with pytest.raises(WriteError) as raised:
        write_text(path, "new")
    assert str(raised.value) == f"{path}: cannot be written: No such file or directory."


def test_the_content_is_on_the_disk_before_it_takes_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.txt"
    flushed = []
    fsync = os.fsync

    def spy(descriptor: int) -> None:
        flushed.append(path.exists())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", spy)
    write_text(path, "new")
    assert flushed == [False, True]  # the temporary file, then the folder


def test_json_has_no_nan() -> None:
    text = to_json({"a": math.nan, "b": [math.inf, 1.5], "c": {"d": -math.inf, "e": "ä"}})
    assert json.loads(text) == {"a": None, "b": [None, 1.5], "c": {"d": None, "e": "ä"}}
    assert "ä" in text


def test_a_new_file_is_whole(tmp_path: Path) -> None:
    create_text(tmp_path / "file.txt", "neu ä\n")
    assert (tmp_path / "file.txt").read_bytes() == "neu ä\n".encode()
    assert [item.name for item in tmp_path.iterdir()] == ["file.txt"]


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_replaces_nothing(
    tmp_path: Path, links: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, target: Path) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", fail)
    create_text(tmp_path / "file.txt", "old")
    with pytest.raises(FileExistsError):
        create_text(tmp_path / "file.txt", "new")
    (tmp_path / "link.txt").symlink_to("nowhere")
    with pytest.raises(FileExistsError):
        create_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "file.txt").read_text() == "old"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["file.txt", "link.txt"]


def test_a_new_file_on_a_full_disk_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    path = tmp_path / "file.txt"
    with pytest.raises(WriteError) as raised:
        create_text(path, "new")
    assert str(raised.value) == f"{path}: cannot be written: No space left on device."
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_files(tmp_path: Path) -> None:
    path = tmp_path / "made"
    create_folder(path, {"a.txt": "a ä\n", "in/side/b.txt": "", ".c": "c\r\n"})
    assert (path / "a.txt").read_bytes() == "a ä\n".encode()
    assert (path / "in" / "side" / "b.txt").read_bytes() == b""
    assert (path / ".c").read_bytes() == b"c\r\n"
    assert len([item for item in path.rglob("*") if item.is_file()]) == 3
    assert [item.name for item in tmp_path.iterdir()] == ["made"]


def test_a_folder_in_the_place_of_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    create_folder(tmp_path / "made", {"a.txt": "a"})
    assert (tmp_path / "made" / "a.txt").read_text() == "a"


def test_what_has_the_name_of_a_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    before = sorted(tmp_path.rglob("*"))
    for name in ("full", "file", "link"):
        with pytest.raises(FileExistsError):
            create_folder(tmp_path / name, {"a.txt": "a"})
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_is_written_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, write = tmp_path / "made", Path.write_bytes

    def until_full(self: Path, data: bytes) -> int:
        if self.name == "b.txt":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", until_full)
    with pytest.raises(WriteError) as raised:
        create_folder(path, {"a.txt": "a", "b.txt": "b"})
    assert str(raised.value) == f"{path}: cannot be written: No space left on device."
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_one_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "made"
    with pytest.raises(WriteError) as raised:
        create_folder(path, {"a.txt": "a"})
    assert str(raised.value) == f"{path}: cannot be written: No such file or directory."
