"""``zoo report`` as a user has it: real runs, finished, stopped and diverged; what it writes."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.report.html import assert_is_closed
from tests.report.making import make_run

Cli = Callable[..., Any]


def test_a_finished_run(finished: Any, cli: Cli, tmp_path: Path) -> None:
    run = shutil.copytree(finished.path, tmp_path / "run")
    result = cli("report", "run")
    size = (run / "report.html").stat().st_size
    assert (result.code, result.err) == (0, "")
    assert result.out == f"wrote {Path('run') / 'report.html'}: {size:,} bytes\n"
    page = assert_is_closed((run / "report.html").read_text("utf-8"))
    assert "finished Trained for 2 epochs and evaluated." in page.text
    for said in ("upsampling", "gaussian blur", "Layers over time", "torch 2.", "their gradients"):
        assert said in page.text
    assert len(page.all("img")) == 3  # of one held-out image
    assert "Its autocorrelation" in page.text
    assert "What this page lacks" not in page.text


def test_a_stopped_run(cli: Cli, process: Cli, base: Path, tmp_path: Path) -> None:
    stop = {"PROBE_STEP": "5", "PROBE_SIGNAL": str(int(signal.SIGTERM))}
    stopped = process("run", base / "probed.toml", "--out", "run", cwd=tmp_path, **stop)
    assert stopped.code == 128 + signal.SIGTERM
    result = cli("report", "run")
    assert (result.code, result.err) == (0, "")
    text = assert_is_closed((tmp_path / "run" / "report.html").read_text("utf-8")).text
    assert "stopped Stopped after 1 of 2 epochs; --resume goes on there." in text
    assert "probe" in text


def test_a_diverged_run(cli: Cli, base: Path, tmp_path: Path) -> None:
    unbounded = (
        *("--set", 'layers.3={type="conv2d", out_channels=3, kernel_size=1}'),
        *("--set", 'optimizer={type="sgd", lr=1e30}', "--set", 'train.schedule="constant"'),
    )
    assert cli("run", base / "tiny.toml", "--out", "run", *unbounded).code == 1
    assert cli("report", "run").code == 0
    text = assert_is_closed((tmp_path / "run" / "report.html").read_text("utf-8")).text
    assert "diverged Training diverged in epoch 1 of 2: a number became infinite or NaN." in text
    assert "--resume --set 'optimizer.lr=A SMALLER RATE'" in text
    assert (
        "The run diverged at step 2 (epoch 1, lr 1e+30): layer 2 (upsampling): its output is not "
        "finite, the first that is not. The largest weight has grown to 5.46e+29: steps are too "
        "large. Use a smaller learning rate."
    ) in text


def test_several_runs(cli: Cli, tmp_path: Path) -> None:
    make_run(tmp_path / "a")
    other = make_run(tmp_path / "b", epochs=3)
    settings = other / "architecture.toml"
    settings.write_text(settings.read_text().replace("lr = 0.01", "lr = 0.5"))
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "metrics.jsonl").write_text('{"epoch": 1}\n')
    result = cli("report", "a", "b", "c")
    assert (result.code, result.err) == (0, "")
    page = assert_is_closed((tmp_path / "report.html").read_text("utf-8"))
    for said in (
        "a finished 27.50 +7.38 0.750",
        "b finished 27.50 +7.38 0.750",
        "c trained – – – – – 1 –",
        "optimizer.lr 0.01 0.5",
        "c: There is no evaluation.json.",
        "a 22 dB b 23 dB",
    ):
        assert said in page.text, said
    assert "layers[0]" not in page.text  # they are the same


def test_no_run(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert cli("report", "none").err == "none: no such folder. Use a run's folder.\n"
    result = cli("report", "empty")
    assert (result.code, result.out) == (5, "")
    assert result.err == (
        "empty: no architecture.toml or metrics.jsonl in it. Use a run's folder.\n"
    )
    assert list((tmp_path / "empty").iterdir()) == []


def test_a_sweep(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "sweep.json").write_text("{}")
    result = cli("report", "sweep")
    assert (result.code, result.err) == (
        5,
        "sweep: is a sweep: its page is sweep/report.html. Name the folder of a run in it.\n",
    )


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "metrics.jsonl").write_text('{"epoch": 1, "train_loss": 0.5}\n')
    return tmp_path / "run"


def test_what_is_replaced_and_what_is_not(cli: Cli, run: Path, tmp_path: Path) -> None:
    assert cli("report", "run", "-o", "page.html").code == 0
    before = (tmp_path / "page.html").read_text()
    (run / "metrics.jsonl").write_text('{"epoch": 1}\n{"epoch": 2, "train_loss": 0.5}\n')
    assert cli("report", "run", "-o", "page.html").code == 0  # an earlier report
    assert (tmp_path / "page.html").read_text() != before
    (tmp_path / "page.html").write_text("something else")
    result = cli("report", "run", "-o", "page.html")
    assert (result.code, result.err) == (
        2,
        "page.html: is there, and no report. Use another name, or --overwrite.\n",
    )
    assert (tmp_path / "page.html").read_text() == "something else"
    assert cli("report", "run", "-o", "page.html", "--overwrite").code == 0
    assert "something else" not in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("page.txt", "page.txt: a page is written. Use a name that ends in .html."),
        ("folder.html", "folder.html: is a folder. Name a file in it."),
        ("none/page.html", "none/page.html: there is no folder none. Make it first."),
        ("pipe.html", "pipe.html: is there, and no report. Use another name, or --overwrite."),
    ],
)
def test_outputs_that_cannot_be(
    cli: Cli, run: Path, tmp_path: Path, output: str, message: str
) -> None:
    (tmp_path / "folder.html").mkdir()
    os.mkfifo(tmp_path / "pipe.html")
    result = cli("report", "run", "-o", output)
    assert (result.code, result.out, result.err) == (2, "", f"{message}\n")


def test_a_plugin_that_is_not_installed(cli: Cli, run: Path) -> None:
    architecture = '[[layers]]\ntype = "unheard_of"\n'
    (run / "architecture.toml").write_text(architecture)
    assert cli("report", "run").code == 0
    text = assert_is_closed((run / "report.html").read_text("utf-8")).text
    assert "The architecture cannot be drawn: architecture.toml:" in text
