"""The folder of a sweep: its threads are kept, and a cell is one worker's at a time."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from zoo.errors import Stopped, UsageError
from zoo.sweep import Cell
from zoo.sweep.cells import cell_name
from zoo.sweep.folder import look_at_sweep, open_sweep
from zoo.sweep.work import Outcome, Worker

CELL = Cell("0123456789abcdef", 'name = "net"\n', 3)
OTHER = Cell("fedcba9876543210", 'name = "other"\n', 3)


def test_the_threads_that_a_sweep_is_begun_with_are_kept(tmp_path: Path) -> None:
    assert open_sweep(tmp_path / "sweep", None, 3).threads == 3
    assert open_sweep(tmp_path / "sweep", None, 1).threads == 3
    assert open_sweep(tmp_path / "sweep", 3, 1).threads == 3


def test_a_look_writes_nothing(tmp_path: Path) -> None:
    assert look_at_sweep(tmp_path / "sweep").threads == 1
    assert list(tmp_path.iterdir()) == []
    open_sweep(tmp_path / "sweep", 3, 1)
    assert look_at_sweep(tmp_path / "sweep").threads == 3
    (tmp_path / "plan.toml").write_text("mine")
    for use in (look_at_sweep, lambda path: open_sweep(path, None, 1)):
        with pytest.raises(UsageError) as caught:
            use(tmp_path)
        assert str(caught.value) == (
            f"--out {tmp_path}: is there already and is no sweep. Use another folder."
        )
    assert (tmp_path / "plan.toml").read_text() == "mine"


def test_one_worker_has_a_cell(tmp_path: Path) -> None:
    folder = open_sweep(tmp_path, 1, 1)
    claim = folder.claim(CELL)
    assert claim is not None
    assert folder.is_at_work(CELL)
    assert folder.claim(CELL) is None
    claim.release()
    assert not folder.is_at_work(CELL)
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.json"]


@pytest.mark.parametrize(
    ("command", "reason", "code"),
    [
        ("echo 'warning: odd' >&2; echo 'photos: nothing there.' >&2; exit 4", None, 4),
        ("kill -9 $$", "its process was ended by SIGKILL.", -9),
        ("kill -40 $$", "its process was ended by signal 40.", -40),
        ("exit 7", "its process ended with exit code 7.", 7),
        ("exit 0", "its process ended with exit code 0.", 1),
    ],
)
def test_why_a_process_fails(tmp_path: Path, command: str, reason: str | None, code: int) -> None:
    folder, outcomes = open_sweep(tmp_path, 1, 1), list[Outcome]()
    Worker(folder, ("sh", "-c", command), (), 1, outcomes.append).work([CELL])
    expected = reason or "photos: nothing there."
    assert outcomes == [Outcome(CELL, None, expected, code)]
    assert folder.failure(CELL).read_text() == f"{expected}\n"
    assert folder.architecture(CELL).read_text() == CELL.text


WRONG = {
    "a file": lambda path: path.write_text("in the way"),
    "a folder": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(path),
    "a link": lambda path: path.symlink_to("nowhere"),
}


@pytest.mark.parametrize(
    ("ending", "wrong", "reason"),
    [
        ("", "a file", "File exists"),
        ("", "a pipe", "File exists"),
        ("", "a link", "File exists"),
        (".toml", "a folder", "Is a directory"),
        (".toml", "a pipe", "a pipe or device, no regular file"),
        (".toml", "a link", "File exists"),
        (".log", "a folder", "Is a directory"),
        (".log", "a pipe", "a pipe or device, no regular file"),
        (".log", "a link", "File exists"),
    ],
)
def test_what_is_in_the_way_fails_one_cell(
    tmp_path: Path, ending: str, wrong: str, reason: str
) -> None:
    folder, outcomes = open_sweep(tmp_path, 1, 1), list[Outcome]()
    path = tmp_path / f"{CELL.name}{ending}"
    WRONG[wrong](path)
    before = path.lstat()
    Worker(folder, ("sh", "-c", "exit 7"), (), 1, outcomes.append).work([CELL, OTHER])
    assert outcomes == [
        Outcome(CELL, None, f"{path}: cannot be written: {reason}.", 1),
        Outcome(OTHER, None, "its process ended with exit code 7.", 7),
    ]
    assert os.path.samestat(path.lstat(), before)
    assert not (tmp_path / "nowhere").exists()
    assert not list(tmp_path.glob("*.lock"))


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    """As on a full disk: each cell fails, and none stays locked."""
    folder, outcomes = open_sweep(tmp_path / "sweep", 1, 1), list[Outcome]()
    (folder.path / "sweep.json").unlink()
    folder.path.rmdir()
    Worker(folder, ("true",), (), 1, outcomes.append).work([CELL, OTHER])
    assert outcomes == [
        Outcome(
            cell,
            None,
            f"{folder.architecture(cell)}: cannot be written: No such file or directory.",
            1,
        )
        for cell in (CELL, OTHER)
    ]


def test_a_failure_that_cannot_be_kept_is_said(tmp_path: Path) -> None:
    folder, outcomes = open_sweep(tmp_path, 1, 1), list[Outcome]()
    folder.failure(CELL).mkdir()
    Worker(folder, ("sh", "-c", "exit 7"), (), 1, outcomes.append).work([CELL])
    assert [it.code for it in outcomes] == [7]
    assert not list(tmp_path.glob("*.lock"))


def test_a_file_of_another_cell_is_written_anew(tmp_path: Path) -> None:
    folder = open_sweep(tmp_path, 1, 1)
    cell = Cell(cell_name("format = 1\n"), "format = 1\n", 0)
    path = folder.architecture(cell)
    for content in (b"format = 2\n", b"", b"\xff", b"="):
        path.write_bytes(content)
        folder.prepare(cell)
        assert path.read_text() == cell.text
    path.write_text('name = "as of its run"\nformat = 1\n')
    folder.prepare(cell)
    assert path.read_text() == 'name = "as of its run"\nformat = 1\n'


SAVES = "trap '' TERM; echo $$ > pid; cat > input; echo saved > saved"


def stop_when(path: Path, then: Callable[[], object]) -> threading.Thread:
    """A thread that interrupts this process once there is a file."""

    def run() -> None:
        end = time.monotonic() + 20
        while not (path.exists() and path.read_text()) and time.monotonic() < end:
            time.sleep(0.02)
        then()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def test_a_halted_process_saves(tmp_path: Path) -> None:
    folder = open_sweep(tmp_path, 1, 1)
    pid = tmp_path / "pid"
    thread = stop_when(pid, lambda: os.kill(int(pid.read_text()), signal.SIGSTOP))
    with pytest.raises(KeyboardInterrupt):
        Worker(folder, ("sh", "-c", SAVES), (), 1, print).work([CELL])
    thread.join()
    assert (tmp_path / "saved").exists()
    assert not list(folder.path.glob("*.lock"))


def test_a_second_signal_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.sweep.work.PATIENCE", 0.1)
    folder = open_sweep(tmp_path, 1, 1)
    slow: list[Path] = []

    def again(runs: Sequence[Path]) -> None:
        slow.extend(runs)
        os.kill(os.getpid(), signal.SIGINT)

    thread = stop_when(tmp_path / "pid", lambda: None)
    command = ("sh", "-c", SAVES.replace("cat > input", "sleep 60"))
    with pytest.raises(Stopped) as caught:
        Worker(folder, command, (), 1, print, slow=again).work([CELL])
    thread.join()
    assert slow == [folder.run(CELL)]
    assert (caught.value.signal, "saved after" in str(caught.value)) == (signal.SIGINT, False)
    assert not (tmp_path / "saved").exists()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert not list(folder.path.glob("*.lock"))
