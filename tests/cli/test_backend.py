"""``zoo run --backend torch``: what it says, refuses, and how it is stopped and goes on."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.cli.test_stop_and_resume import assert_same_run
from zoo.torch_backend import backend

Cli = Callable[..., Any]


def signalled(monkeypatch: pytest.MonkeyPatch, step: int, number: int) -> None:
    """Send this process a signal in that step by torch.nn, counted from 1 from here on."""
    share, steps = backend.share_gradients, []

    def shared(*arguments: Any) -> None:
        share(*arguments)
        steps.append(1)
        if len(steps) == step:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(backend, "share_gradients", shared)


@pytest.fixture
def lone(base: Path, cli: Cli) -> Callable[..., Any]:
    """``lone("--out", "run")``: two epochs of three steps of tiny.toml by torch.nn."""
    return lambda *options: cli("run", base / "tiny.toml", "--backend", "torch", *options)


def test_it_says_so(lone: Callable[..., Any], cli: Cli, tmp_path: Path) -> None:
    run, result = tmp_path / "run", lone("--out", "run")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0].endswith(", precision float32, torch.nn")
    assert json.loads((run / "environment.json").read_text())["backend"] == "torch"
    assert 'backend = "torch"' in (run / "architecture.toml").read_text()
    found = json.loads((run / "evaluation.json").read_text())
    assert json.loads(cli("evaluate", run, "--json").out)["psnr"] == found["psnr"]
    assert cli("denoise", run, run / "examples.png", "-o", "clean.png").code == 0
    assert cli("export", run, "-o", "net.pt").code == 0


def test_precision_fast_is_not_for_it(lone: Callable[..., Any]) -> None:
    result = lone("--out", "run", "--set", "train.precision=fast")
    assert result.code == 0
    assert 'warning: precision "fast" is float32 here: torch.nn has no such thing\n' in result.err


def test_stopped_and_resumed(lone: Callable[..., Any], cli: Cli, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        signalled(patch, 2, signal.SIGINT)
        stopped = lone("--out", "run")
    command = "zoo run run/architecture.toml --out run --resume"
    line = f"stopped and saved after step 2 of 6. Go on with: {command}\n"
    assert (stopped.code, stopped.err) == (130, line)
    resumed = cli(*shlex.split(command)[1:])
    assert (resumed.code, resumed.err) == (0, "")
    assert lone("--out", "whole").code == 0
    assert_same_run(tmp_path / "run", tmp_path / "whole")


KILLED = """
import os, signal, sys
from zoo.cli import main
from zoo.torch_backend import backend

share, steps = backend.share_gradients, []
def shared(*arguments):
    share(*arguments)
    steps.append(1)
    if len(steps) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
backend.share_gradients = shared
sys.argv = ["zoo", *sys.argv[1:]]
main()
"""


def test_killed_and_resumed(lone: Callable[..., Any], base: Path, cli: Cli, tmp_path: Path) -> None:
    arguments = ("run", str(base / "tiny.toml"), "--backend", "torch", "--out", "run")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        check=False,
        cwd=tmp_path,
        env={**os.environ, "ZOO_PLUGINS": "", "OMP_NUM_THREADS": "1"},
    )
    assert killed.returncode == -signal.SIGKILL
    other = cli("run", base / "tiny.toml", "--out", "run", "--resume")
    assert other.code == 5
    assert 'another architecture: train.backend was "torch", is "zoo".' in other.err
    resumed = lone("--out", "run", "--resume")
    assert (resumed.code, resumed.err) == (0, "")
    assert "resumed after step 3" in resumed.out.splitlines()
    assert lone("--out", "whole").code == 0
    assert_same_run(tmp_path / "run", tmp_path / "whole")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["tiny.toml", "--backend", "tensorflow"],
            2,
            '--backend: train.backend: is "tensorflow". Use "zoo" or "torch".',
        ),
        (
            ["probed.toml", "--backend", "torch", "--data", "empty"],  # which cannot be read
            3,
            "layer 'probe' of zoo-probe 1.0: has no torch reference. Name one as its entry's "
            "torch_reference. Without torch.nn: zoo bench --no-torch, zoo run --backend zoo.",
        ),
    ],
)
def test_what_is_refused(
    arguments: list[str], code: int, message: str, base: Path, cli: Cli, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    result = cli("run", base / arguments[0], *arguments[1:])
    assert (result.code, result.err) == (code, message + "\n")
    assert not list(tmp_path.glob("runs/*"))


def test_a_reference_that_takes_no_mask(
    base: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.testing.torch_references.mse", lambda loss: torch.nn.MSELoss())
    for key, table in (
        ("noise", "{type = 'bernoulli', keep = 0.5}"),
        ("target", "'blind_spot'"),
    ):
        result = cli(
            "run", base / "tiny.toml", "--backend", "torch", "--set", f"data.{key}={table}"
        )
        assert result.code == 2
        assert result.err.endswith(
            f": data.{key}: leaves out pixels of the target, and the torch reference of the loss "
            "mse takes no mask. Use a loss whose reference does, such as mse, or "
            'train.backend = "zoo".\n'
        )
