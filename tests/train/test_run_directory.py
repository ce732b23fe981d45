from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import pytest

from zoo.errors import CheckpointError, UsageError
from zoo.train.run_directory import existing_run_directory, find_checkpoint, new_run_directory

NOW = datetime(2026, 1, 2, 3, 4, 5)


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make_run(path: str, name: str = "last.pkl", changed: float = 0) -> Path:
    Path(path).mkdir(parents=True)
    (Path(path) / name).touch()
    os.utime(path, (changed, changed))
    return Path(path)


def test_the_default_name_has_the_time() -> None:
    assert new_run_directory(None, "tiny", NOW).path == Path("runs/tiny-20260102-030405")
    assert Path("runs/tiny-20260102-030405").is_dir()


def test_two_runs_in_the_same_second() -> None:
    found = [new_run_directory(None, "tiny", NOW).path.name for _ in range(3)]
    assert found == [
        "tiny-20260102-030405",
        "tiny-20260102-030405-2",
        "tiny-20260102-030405-3",
    ]


def test_out_is_made_with_its_parents_or_used_while_empty() -> None:
    assert new_run_directory(Path("a/b/c"), "tiny", NOW).path == Path("a/b/c")
    assert new_run_directory(Path("a/b/c"), "tiny", NOW).path == Path("a/b/c")


def test_nothing_is_ever_overwritten() -> None:
    make_run("used")
    Path("file").write_text("text")
    Path("full").mkdir()
    Path("full/mine.txt").write_text("text")
    for name, resume in (
        ("used", ", or --resume to go on with this run"),
        ("full", ""),
        ("file", ""),
    ):
        with pytest.raises(UsageError) as error:
            new_run_directory(Path(name), "tiny", NOW)
        assert str(error.value) == f"--out {name}: already there. Use another folder{resume}."
    with pytest.raises(UsageError) as error:
        new_run_directory(Path("file/run"), "tiny", NOW)
    assert str(error.value) == "--out file/run: cannot be made: Not a directory."


def test_resume_takes_the_latest_run_of_that_name() -> None:
    make_run("runs/tiny-20260102-000001", changed=200)
    latest = make_run("runs/tiny-20260101-000001", "last.previous.pkl", changed=300)
    make_run("runs/tiny-20260103-000001", "metrics.jsonl", changed=400)  # without a checkpoint
    make_run("runs/other-20260102-000001", changed=500)
    make_run("runs/tiny-er-20260102-000001", changed=500)
    assert existing_run_directory(None, "tiny").path == latest
    named = make_run("runs/tiny-20260102-000002-2", changed=350)
    assert existing_run_directory(None, "tiny").path == named
    assert existing_run_directory(Path("runs/other-20260102-000001"), "tiny").path.name == (
        "other-20260102-000001"
    )


def test_nothing_to_resume() -> None:
    with pytest.raises(CheckpointError) as error:
        existing_run_directory(None, "tiny")
    assert str(error.value) == "runs: no run of 'tiny' to resume. Name one with --out."
    make_run("empty", "metrics.jsonl")
    for name in ("empty", "none"):
        with pytest.raises(CheckpointError) as error:
            existing_run_directory(Path(name), "tiny")
        assert str(error.value) == f"{name}: no last.pkl to resume from. Use a run's folder."


def test_the_checkpoint_that_a_path_names() -> None:
    run = make_run("run", "last.pkl")
    assert find_checkpoint(run) == (run / "last.pkl", "last")
    (run / "best.pkl").touch()
    assert find_checkpoint(run) == (run / "best.pkl", "best")
    assert find_checkpoint(run / "last.pkl") == (run / "last.pkl", "last")
    with pytest.raises(CheckpointError) as error:
        find_checkpoint(make_run("empty", "metrics.jsonl"))
    assert str(error.value) == "empty: no best.pkl or last.pkl in it. Use a run's folder."
