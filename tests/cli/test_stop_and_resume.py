"""Real signals to real processes, each sent in a step that the test chooses (see ``PROBE``)."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.tiny import contents
from zoo.train.together import evaluate_together


@pytest.fixture(scope="module")
def uninterrupted(
    base: Path, process: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A run of three epochs of three steps."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    arguments = ("run", base / "probed.toml", "--epochs", "3", "--seed", "4", "--out", "run")
    result = process(*arguments, cwd=folder)
    assert (result.code, result.err) == (0, "")
    return folder / "run"


def assert_same_run(run: Path, expected: Path) -> None:
    for name in ("last.pkl", "best.pkl"):
        here, there = (torch.load(path / name, weights_only=True) for path in (run, expected))
        torch.testing.assert_close(here["model"], there["model"], rtol=0, atol=0)
        states = here["optimizer"].pop("state"), there["optimizer"].pop("state")
        torch.testing.assert_close(*states, rtol=0, atol=0)
        assert here["optimizer"] == there["optimizer"]
        assert without_seconds(here["metrics"]) == without_seconds(there["metrics"])
    lines = [
        [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        for path in (run, expected)
    ]
    assert without_seconds(lines[0]) == without_seconds(lines[1])
    for name in ("evaluation.json", "architecture.toml", "environment.json"):
        assert (run / name).read_text() == (expected / name).read_text()


def without_seconds(metrics: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line | {"seconds": 0} for line in metrics]


@pytest.mark.parametrize(
    ("number", "step", "code"),
    [
        (signal.SIGINT, 5, 130),
        (signal.SIGTERM, 7, 143),
        (signal.SIGHUP, 1, 129),
        (signal.SIGUSR1, 9, 138),
    ],
)
def test_a_stopped_run_says_how_to_go_on(
    number: signal.Signals,
    step: int,
    code: int,
    uninterrupted: Path,
    base: Path,
    process: Callable[..., Any],
    cli: Callable[..., Any],
    tmp_path: Path,
) -> None:
    arguments = ("run", base / "probed.toml", "--epochs", "3", "--seed", "4", "--device", "cpu")
    stopped = process(
        *(*arguments, "--out", "my runs/a"),
        cwd=tmp_path,
        PROBE_STEP=str(step),
        PROBE_SIGNAL=str(int(number)),
    )
    command = "zoo run 'my runs/a/architecture.toml' --out 'my runs/a' --device cpu --resume"
    assert (stopped.code, stopped.err) == (
        code,
        f"stopped and saved after step {step} of 9. Go on with: {command}\n",
    )
    assert "this model" not in stopped.out
    saved = torch.load(tmp_path / "my runs/a/last.pkl", weights_only=True)
    assert saved["progress"]["step"] == step

    resumed = cli(*shlex.split(command)[1:])
    assert (resumed.code, resumed.err) == (0, "")
    assert f"resumed after step {step}" in resumed.out.splitlines()
    assert_same_run(tmp_path / "my runs/a", uninterrupted)


def test_killed_and_resumed_in_another_process(
    uninterrupted: Path, base: Path, process: Callable[..., Any], tmp_path: Path
) -> None:
    arguments = ("run", base / "probed.toml", "--epochs", "3", "--seed", "4")
    killed = process(
        *arguments, cwd=tmp_path, PROBE_STEP="8", PROBE_SIGNAL=str(int(signal.SIGKILL))
    )
    assert (killed.code, killed.err) == (-signal.SIGKILL, "")
    (run,) = (tmp_path / "runs").iterdir()
    resumed = process(*arguments, "--resume", cwd=tmp_path)  # the latest of that name
    assert (resumed.code, resumed.err) == (0, "")
    assert "resumed after step 6" in resumed.out.splitlines()
    assert list((tmp_path / "runs").iterdir()) == [run]
    assert_same_run(run, uninterrupted)


def test_stopped_while_evaluating(
    uninterrupted: Path,
    base: Path,
    cli: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*arguments: Any, **options: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return evaluate_together(*arguments, **options)

    arguments = ("run", base / "probed.toml", "--epochs", "3", "--seed", "4", "--out", "run")
    with monkeypatch.context() as patch:
        patch.setattr("zoo.cli.training.evaluate_together", interrupted)
        stopped = cli(*arguments)
    assert (stopped.code, stopped.err) == (
        143,
        "stopped while evaluating; training is finished and saved. "
        "Go on with: zoo run run/architecture.toml --out run --resume\n",
    )
    assert not (tmp_path / "run" / "evaluation.json").exists()
    assert cli("run", "run/architecture.toml", "--out", "run", "--resume").code == 0
    assert_same_run(tmp_path / "run", uninterrupted)


@pytest.fixture
def run(uninterrupted: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to go on with."""
    return Path(shutil.copytree(uninterrupted, tmp_path / "run"))


def test_more_epochs(run: Path, base: Path, cli: Callable[..., Any]) -> None:
    result = cli("run", run / "architecture.toml", "--out", run, "--resume", "--epochs", "4")
    assert (result.code, result.err) == (0, "")
    assert [
        json.loads(line)["epoch"] for line in (run / "metrics.jsonl").read_text().splitlines()
    ] == [1, 2, 3, 4]
    assert "epochs = 4\n" in (run / "architecture.toml").read_text()


def test_nothing_left_to_train(
    run: Path, base: Path, cli: Callable[..., Any], uninterrupted: Path
) -> None:
    (run / "evaluation.json").unlink()
    result = cli("run", run / "architecture.toml", "--out", run, "--resume")
    assert (result.code, result.err) == (0, "")
    assert_same_run(run, uninterrupted)


def test_a_damaged_last_checkpoint(
    run: Path, base: Path, cli: Callable[..., Any], uninterrupted: Path
) -> None:
    (run / "last.pkl").write_bytes((run / "last.pkl").read_bytes()[:2000])
    result = cli("run", run / "architecture.toml", "--out", "run", "--resume")
    assert (result.code, result.err) == (
        0,
        "warning: run/last.pkl: damaged, or not a checkpoint. Use a .pkl file that zoo has "
        "written. Going on from best.pkl, of step 9.\n",
    )
    assert "resumed after step 9" in result.out.splitlines()
    assert_same_run(run, uninterrupted)


def test_all_damaged(run: Path, cli: Callable[..., Any]) -> None:
    for name in ("last.pkl", "last.previous.pkl", "best.pkl"):
        (run / name).write_bytes(b"")
    result = cli("run", run / "architecture.toml", "--out", "run", "--resume")
    assert (result.code, result.out) == (5, "")
    assert result.err == (
        "run/last.pkl: damaged, or not a checkpoint. Use a .pkl file that zoo has written.\n"
    )


def test_another_architecture(run: Path, cli: Callable[..., Any]) -> None:
    before = contents(run)
    result = cli(
        *("run", run / "architecture.toml", "--out", "run", "--resume"),
        *("--set", "layers.0.out_channels=5", "--seed", "1"),
    )
    assert (result.code, result.out) == (5, "")
    assert result.err == (
        "run/last.pkl: another architecture: layers.0.out_channels was 4, is 5; train.seed was 4, "
        "is 1. Only train.epochs, train.schedule, train.checkpoint_every, "
        "train.on_divergence, optimizer.lr and the "
        "images' place may change: take run/architecture.toml, the run's own file, with --epochs, "
        "--data or --set.\n"
    )
    assert contents(run) == before
