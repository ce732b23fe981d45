"""The folder of a sweep: its threads are kept, and a cell is one worker's at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from zoo.errors import UsageError, WriteError
from zoo.sweep import Cell
from zoo.sweep.folder import look_at_sweep, open_sweep
from zoo.sweep.work import Outcome, Worker

CELL = Cell("0123456789abcdef", 'name = "net"\n', 3)


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


def test_a_folder_that_cannot_be_written_in(tmp_path: Path) -> None:
    folder = open_sweep(tmp_path, 1, 1)
    folder.run(CELL).write_text("in the way")
    with pytest.raises(WriteError) as caught:
        Worker(folder, ("true",), (), 1, print).work([CELL])
    assert str(caught.value) == f"{folder.run(CELL)}: cannot be written: File exists."
