"""A run's folder: begun, in use, finished, and gone on with otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tiny import contents
from zoo.train.run_lock import run_lock


@pytest.fixture
def run(base: Path, cli: Callable[..., Any]) -> Path:
    """A finished run of one epoch of three steps, of a constant rate."""
    constant = "--set", 'train.schedule="constant"'
    result = cli("run", base / "tiny.toml", "--epochs", "1", "--out", "run", *constant)
    assert (result.code, result.err) == (0, "")
    return Path("run")


@pytest.mark.parametrize("option", ["--resume", ""])
def test_killed_before_it_saved_anything(
    option: str, base: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    for name in ("run.lock", ".zoo-0123456789abcdef-0.tmp"):
        (tmp_path / "run" / name).write_text("half")
    words = ("run", base / "tiny.toml", "--epochs", "1", "--out", "run", *filter(None, [option]))
    result = cli(*words)
    assert (result.code, result.err) == (0, "")
    said = "run: nothing was saved: the run starts from its beginning"
    assert (said in result.out.splitlines()) == (option == "--resume")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert {"last.pkl", "best.pkl", "evaluation.json"} <= names
    assert not [name for name in names if name.startswith(".zoo") or name == "run.lock"]


@pytest.mark.parametrize("option", ["--resume", ""])
def test_a_folder_in_use(option: str, base: Path, cli: Callable[..., Any], run: Path) -> None:
    before = contents(run)
    with run_lock(run):
        result = cli("run", base / "tiny.toml", "--out", "run", *filter(None, [option]))
    assert result.code == 2
    if option:
        assert "trains in this folder. Wait for it, stop it, or use another" in result.err
    else:
        assert "already there" in result.err
    assert contents(run) == before


def test_what_fails_before_it_is_trained_leaves_no_folder(
    base: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    result = cli("run", base / "tiny.toml", "--out", "run", "--data", "no/such/folder")
    assert result.code == 4
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_says_so(cli: Callable[..., Any], run: Path) -> None:
    before = contents(run)
    result = cli("run", "run/architecture.toml", "--out", "run", "--resume")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines() == [
        "resumed after step 3",
        "run: run: finished after 1 epoch; --epochs N goes on with it",
    ]
    assert contents(run) == before


def test_what_changes_is_said_and_recorded(cli: Callable[..., Any], run: Path) -> None:
    result = cli(
        *("run", "run/architecture.toml", "--out", "run", "--resume", "--epochs", "2"),
        *("--set", "optimizer.lr=0.001"),
    )
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert "optimizer.lr was 0.01, is 0.001 from here on" in lines
    assert "train.epochs was 1, is 2 from here on" in lines
    assert any(line.startswith("the learning rate goes from 0.01 to 0.001") for line in lines)
    changes = [
        {"step": 3, "key": "optimizer.lr", "before": 0.01, "after": 0.001},
        {"step": 3, "key": "train.epochs", "before": 1, "after": 2},
    ]
    assert json.loads((run / "environment.json").read_text())["changes"] == changes
    content = torch.load(run / "last.pkl", weights_only=True)
    assert content["changes"] == changes
    assert [line["lr"] for line in content["metrics"]] == [0.01, 0.001]


def test_another_schedule(cli: Callable[..., Any], run: Path) -> None:
    other = "--set", 'train.schedule={type="step", every=2}'
    resume = ("run", "run/architecture.toml", "--out", "run", "--resume")
    result = cli(*resume, "--epochs", "2", *other)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert 'train.schedule.type was "constant", is "step" from here on' in lines
    assert "train.schedule.every was not set, is 2 from here on" in lines
    again = cli(*resume, "--epochs", "3")
    assert again.code == 0
    content = torch.load(run / "last.pkl", weights_only=True)
    assert [it["step"] for it in content["changes"] if it["key"] == "train.epochs"] == [3, 6]


def test_a_schedule_that_is_stretched_says_where_it_jumps_to(
    base: Path, cli: Callable[..., Any]
) -> None:
    cli(
        "run",
        base / "tiny.toml",
        "--epochs",
        "1",
        "--out",
        "run",
        "--set",
        'train.schedule="one_cycle"',
    )
    result = cli("run", "run/architecture.toml", "--out", "run", "--resume", "--epochs", "2")
    assert result.code == 0
    (line,) = [it for it in result.out.splitlines() if it.startswith("the learning rate goes")]
    assert line.endswith("where the schedule one_cycle is now")


def test_deterministic_algorithms_change_nothing_on_a_cpu(
    base: Path, cli: Callable[..., Any], run: Path
) -> None:
    constant = "--set", 'train.schedule="constant"'
    words = ("run", base / "tiny.toml", "--epochs", "1", "--out", "other", *constant)
    try:
        result = cli(*words, "--deterministic")
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    assert (result.code, result.err) == (0, "")
    here, there = (
        torch.load(folder / "last.pkl", weights_only=True) for folder in (run, Path("other"))
    )
    torch.testing.assert_close(here["model"], there["model"], rtol=0, atol=0)


@pytest.mark.parametrize(
    ("key", "before", "what"),
    [
        ("threads", 99, "the number of threads"),
        ("convolutions", "others", "what computes convolutions"),
    ],
)
def test_what_rounds_in_another_way_is_said(
    key: str, before: object, what: str, cli: Callable[..., Any], run: Path
) -> None:
    path = run / "environment.json"
    environment = json.loads(path.read_text())
    path.write_text(json.dumps(environment | {key: before}))
    result = cli("run", "run/architecture.toml", "--out", "run", "--resume", "--epochs", "2")
    assert result.code == 0
    assert result.err == (
        f"warning: {what} was {before} and is {environment[key]}: the run goes on, "
        "and differs in the last bits from one that was not interrupted\n"
    )


def test_fewer_epochs_than_are_done(cli: Callable[..., Any], run: Path) -> None:
    resume = ("run", "run/architecture.toml", "--out", "run", "--resume", "--epochs")
    assert cli(*resume, "2").code == 0
    before = contents(run)
    result = cli(*resume, "1")
    assert (result.code, result.err) == (
        2,
        "--epochs 1: run has taken 6 steps, which are more. Use 2 or more.\n",
    )
    assert contents(run) == before


def test_what_is_known_of_a_network_that_is_trained_on_is_removed(
    cli: Callable[..., Any], run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the clock says: a kill before the evaluation leaves none of the shorter run."""

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    resume = ("run", "run/architecture.toml", "--out", "run", "--resume", "--epochs", "2")
    with monkeypatch.context() as patch:
        patch.setattr("zoo.cli.training.evaluate_together", killed)
        assert cli(*resume).code == 130
    assert not (run / "evaluation.json").exists()
    assert "finished" not in cli(*resume).out
    assert (run / "evaluation.json").exists()
    assert "finished after 2 epochs" in cli(*resume).out


def test_the_best_checkpoint_alone_is_enough(cli: Callable[..., Any], run: Path) -> None:
    for name in ("last.pkl", "last.previous.pkl"):
        (run / name).unlink()
    result = cli("run", "run/architecture.toml", "--out", "run", "--resume", "--epochs", "2")
    assert result.code == 0
    assert "Going on from best.pkl, of step 3." in result.err
