from __future__ import annotations

import errno
import json
import math
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from zoo.errors import UsageError, WriteError
from zoo.files import (
    create_folder,
    create_text,
    keep_copy,
    require_folder,
    to_json,
    write_atomically,
    write_text,
)
from zoo.temporary import reserved, temporary_name


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


CANNOT = [errno.EINVAL, errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EBADF]


@pytest.mark.parametrize("code", CANNOT)
@pytest.mark.parametrize("what", ["fsync", "open"])
def test_a_folder_that_cannot_be_flushed(
    code: int, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on CIFS, VirtualBox' folders and some of FUSE; Windows does not even open folders."""
    fsync, opened = os.fsync, os.open

    def fail_fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(code, os.strerror(code))
        fsync(descriptor)

    def fail_open(path: str, *arguments: int, **others: int | None) -> int:
        if Path(path) == tmp_path:
            raise OSError(code, os.strerror(code))
        return opened(path, *arguments, **others)

    monkeypatch.setattr(os, what, fail_fsync if what == "fsync" else fail_open)
    write_text(tmp_path / "a.txt", "new")
    create_text(tmp_path / "b.txt", "new")
    create_folder(tmp_path / "c", {"d.txt": "new"})
    assert [path.read_text() for path in sorted(tmp_path.rglob("*.txt"))] == ["new"] * 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.txt", "c"]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP])
def test_files_that_cannot_be_flushed(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    write_text(tmp_path / "a.txt", "new")
    assert (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC])
def test_a_flush_that_loses_data_is_an_error(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WriteError):
        write_text(tmp_path / "a.txt", "new")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", fail)


@pytest.fixture
def no_replacing(monkeypatch: pytest.MonkeyPatch) -> None:
    replace, rename = os.replace, os.rename

    def refuse(source: Path, target: Path) -> None:
        if os.path.lexists(target):
            raise OSError(errno.EEXIST, "File exists")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    monkeypatch.setattr(
        os, "rename", lambda a, b: refuse(a, b) if os.path.lexists(b) else rename(a, b)
    )


@pytest.mark.usefixtures("no_links")
def test_a_file_system_without_links(tmp_path: Path) -> None:
    create_text(tmp_path / "a.txt", "first")
    with pytest.raises(FileExistsError):
        create_text(tmp_path / "a.txt", "second")
    keep_copy(tmp_path / "a.txt", tmp_path / "b.txt")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["first", "first"]


@pytest.mark.usefixtures("no_links", "no_replacing")
def test_a_file_system_without_links_and_without_replacing(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    create_text(path, "first")
    write_text(path, "second")
    keep_copy(path, tmp_path / "b.txt")
    write_text(path, "third")
    keep_copy(path, tmp_path / "b.txt")
    assert {it.name: it.read_text() for it in tmp_path.iterdir()} == {
        "a.txt": "third",
        "b.txt": "third",
    }


def test_a_copy_is_kept_when_the_file_is_replaced(tmp_path: Path) -> None:
    path, copy = tmp_path / "a.txt", tmp_path / "b.txt"
    for text in ("first", "second", "third"):
        write_text(path, text)
        keep_copy(path, copy)
        keep_copy(path, copy)  # a rename to another name of the same file does nothing
    write_text(path, "fourth")
    assert copy.read_text() == "third"
    assert sorted(it.name for it in tmp_path.iterdir()) == ["a.txt", "b.txt"]


KILLED = """
import os, signal, sys
from pathlib import Path
from zoo.files import write_atomically
from zoo.temporary import reserved

def die(stream):
    stream.write(b"half")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)

path = Path(sys.argv[1])
with reserved(path, Path.mkdir) as folder:
    (folder / "inside").touch()
    write_atomically(path, die)
"""


def test_what_a_killed_process_leaves_is_removed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    for _ in range(2):
        killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert len(list(tmp_path.iterdir())) == 3  # the file, a folder, half a file
    assert path.read_text() == "old"
    write_text(path, "new")
    write_text(tmp_path / "other.txt", "new")
    assert sorted(it.name for it in tmp_path.iterdir()) == ["a.txt", "other.txt"]


def test_what_a_process_that_lives_has_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with reserved(path, lambda name: name.touch(exist_ok=False)) as mine:
        write_text(path, "new")
        create_text(tmp_path / "b.txt", "new")
        assert mine.exists()
    assert sorted(it.name for it in tmp_path.iterdir()) == ["a.txt", "b.txt"]


def test_a_link_with_the_name_of_a_temporary_file_is_not_followed(tmp_path: Path) -> None:
    path, other = tmp_path / "a.txt", tmp_path / "other.txt"
    other.write_text("mine")
    temporary_name(path, 0).symlink_to(other)
    write_text(path, "new")
    assert other.read_text() == "mine"
    assert path.read_text() == "new"


def test_names_that_are_no_text(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9")
    write_text(tmp_path / name, to_json({"name": name}))
    (path,) = tmp_path.iterdir()
    assert path.read_bytes() == b'{"name": "caf\\udce9"}'
    assert json.loads(path.read_text())["name"] == name


def test_a_folder_for_a_file(tmp_path: Path) -> None:
    require_folder("--out a", tmp_path / "a")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError) as caught:
        require_folder("--out a", tmp_path / "none" / "a")
    assert str(caught.value) == (f"--out a: there is no folder {tmp_path / 'none'}. Make it first.")
