"""One process at a time in a run's folder, and a crash frees it."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.errors import UsageError, WriteError
from zoo.locks import OF_RUN
from zoo.train.run_lock import run_lock

HOLDER = """
import sys, time
from pathlib import Path
from zoo.train.run_lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("locked", flush=True)
    time.sleep(60)
"""


def no_locks(descriptor: int, operation: int) -> None:
    raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))


@pytest.fixture(params=[True, False], ids=["locks", "a file system without locks"])
def has_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    if not request.param:
        monkeypatch.setattr(fcntl, "flock", no_locks)
    return bool(request.param)


def test_it_is_gone_afterwards(tmp_path: Path, has_locks: bool) -> None:
    for _ in range(2):
        with run_lock(tmp_path):
            assert json.loads((tmp_path / OF_RUN).read_text())["process"] == os.getpid()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_another_process_is_kept_out_until_it_ends(
    tmp_path: Path, has_locks: bool, end: signal.Signals
) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    with holder, holder.stdout:
        assert holder.stdout.readline() == "locked\n"
        with pytest.raises(UsageError) as error, run_lock(tmp_path):
            pass
        holder.send_signal(end)
        holder.wait()
    hint = "" if has_locks else f" If that one is gone, delete {tmp_path / OF_RUN}."
    assert str(error.value) == (
        f"{tmp_path}: process {holder.pid} on {socket.gethostname()} trains in this folder. Wait "
        f"for it, stop it, or use another folder with --out.{hint}"
    )
    assert (tmp_path / OF_RUN).exists()
    with run_lock(tmp_path):
        assert json.loads((tmp_path / OF_RUN).read_text())["process"] == os.getpid()


@pytest.mark.parametrize(
    "content", [b"", b"x", b"[]", b'{"process": 1, "host": "elsewhere"}', b'{"process": -1}']
)
def test_without_locks_what_is_not_known_to_be_gone_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    (tmp_path / OF_RUN).write_bytes(content)
    with run_lock(tmp_path):  # whatever it says, nobody has it
        pass
    monkeypatch.setattr(fcntl, "flock", no_locks)
    (tmp_path / OF_RUN).write_bytes(content)
    hint = r"If that one is gone, delete .*run\.lock\.$"
    with pytest.raises(UsageError, match=hint), run_lock(tmp_path):
        pass
    assert (tmp_path / OF_RUN).read_bytes() == content


def test_nothing_that_a_link_names_is_written(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / OF_RUN).symlink_to(mine)
    with pytest.raises(UsageError), run_lock(tmp_path / "run"):
        pass
    assert mine.read_text() == "mine"


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    message = r"run\.lock: cannot be written: No such file"
    with pytest.raises(WriteError, match=message), run_lock(tmp_path / "gone"):
        pass
