"""``zoo sweep``: tables, failures, and that it goes on from whatever it was left in."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.cli.sweeps import rows_of
from tests.draws import TIMES
from zoo.sweep.results import DIVERGED, EVALUATED
from zoo.train.run_directory import RunDirectory

PLAN = """
format = 1
architecture = "tiny.toml"
set = { data.samples_per_epoch = 400, train.checkpoint_every.steps = 20 }

[[tables]]
name = "strides"
seeds = [0, 1]
grid = { layers.0.stride = [0, 2] }
published = { "stride = 2" = 24.8 }

[[tables]]
name = "rates"

[[tables.settings]]
name = "diverges"

[tables.settings.set]
"layers.3" = { type = "conv2d", out_channels = 3, kernel_size = 1 }
optimizer = { type = "sgd", lr = 1e30 }
train.schedule = "constant"
"""
REASON = "layers.0.stride: is 0. Use an integer >= 1 or a list of 2 integers >= 1."
WHY = (
    r"training diverged at step 2 of 200 \(epoch 1, lr 1e\+30\): layer 2 \(upsampling, "
    r"\w{16}.toml:\d+:1\): its output is not finite, the first that is not\."
)
Process = Callable[..., Any]


def with_plan(base: Path, folder: Path) -> Path:
    """A folder with the plan and what it needs."""
    (folder / "plan.toml").write_text(PLAN)
    (folder / "tiny.toml").write_text((base / "tiny.toml").read_text())
    (folder / "photos").symlink_to(base / "photos")
    return folder


@pytest.fixture(scope="module")
def swept(base: Path, process: Process, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A whole sweep with what it printed, only to be read: ``sweep`` in a folder."""
    folder = with_plan(base, tmp_path_factory.mktemp("swept"))
    result = process(
        *("sweep", "plan.toml", "-o", "sweep", "--jobs", "2", "--threads", "1", "--json"),
        cwd=folder,
    )
    return folder, result


@pytest.fixture
def copied(swept: Any, base: Path, tmp_path: Path) -> Path:
    """A copy of it, in the working folder of ``cli``."""
    folder, _ = swept
    with_plan(base, tmp_path)
    shutil.copytree(folder / "sweep", tmp_path / "sweep")
    return tmp_path


def test_a_whole_sweep(swept: Any) -> None:
    folder, result = swept
    assert result.code == 0
    lines = result.err.splitlines()
    assert lines[:2] == [
        "1 setting cannot be built",
        "sweep: sweep: 3 of 3 runs left, 2 at once, threads of each: 1",
    ]
    assert len(lines) == 6
    assert lines[-1] == "page: sweep/report.html"
    page = (folder / "sweep" / "report.html").read_text()
    assert all(text in page for text in ("Sweep plan", "stride = 2", "PSNR of each run"))
    ends = rf"(stride = 2, seed \d: \d+\.\d\d dB in \d+ s|diverges, seed 0: {WHY})"
    assert all(re.fullmatch(rf"\d of 3  {ends}", line) for line in lines[2:-1])
    plain, impossible, diverges = rows_of(result.out)
    psnrs = []
    for run in plain["runs"]:
        run_folder = folder / "sweep" / run["folder"]
        evaluation = json.loads((run_folder / "evaluation.json").read_text())
        assert RunDirectory(run_folder).is_evaluated
        assert json.loads((run_folder / "environment.json").read_text())["threads"] == 1
        psnrs.append(evaluation["psnr"])
    assert plain["psnr"] == pytest.approx(sum(psnrs) / 2)
    assert (plain["n"], plain["published"]) == (2, "24.80")
    assert plain["values"] == {"layers.0.stride": 2}
    assert (impossible["state"], impossible["reason"]) == ("cannot be built", REASON)
    assert (diverges["state"], diverges["n"]) == ("failed", 0)
    assert re.fullmatch(rf"seed 0: {WHY}", diverges["reason"])


def test_the_names_of_a_runs_files_are_the_trainers() -> None:
    run = RunDirectory(Path("run"))
    assert (run.evaluation.name, run.examples.name) == EVALUATED
    assert run.diverged.name == DIVERGED


def test_when_all_is_done_it_prints_the_tables(swept: Any, cli: Callable[..., Any]) -> None:
    folder, _ = swept
    result = cli("sweep", folder / "plan.toml", "-o", folder / "sweep", "--jobs", "3")
    assert (result.code, result.err) == (0, "")
    head, _, title, columns, *lines = result.out.splitlines()
    assert head == f"sweep: {folder / 'sweep'}: no runs left of 3"
    assert title == "strides"
    assert columns.split() == [
        *("setting", "PSNR", "PSNR", "of", "mean", "MSE", "n", "parameters", "seconds"),
        "published",
    ]
    (noisy,) = [line for line in lines if line.startswith("noisy input  ")]
    assert re.fullmatch(r"noisy input +\d+\.\d\d ± \d\.\d\d", noisy)
    lines.remove(noisy)
    assert re.fullmatch(
        r"stride = 2 +\d+\.\d\d ± \d\.\d\d +\d+\.\d\d ± \d\.\d\d +2 +223 +\d+ +24\.80", lines[0]
    )
    assert re.fullmatch(r"stride = 0 +0 +cannot be built", lines[1])
    assert f"stride = 0: cannot be built: {REASON}" in lines
    assert re.fullmatch(r"diverges +0 of 1 +235 +failed", lines[-3])
    assert re.fullmatch(rf"diverges: failed: seed 0: {WHY}", lines[-2])
    assert lines[-1] == f"page: {folder / 'sweep' / 'report.html'}"


def start(folder: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "ZOO_PLUGINS": "", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "zoo", "sweep", "plan.toml", "-o", "sweep", "--jobs", "2"),
            *("--threads", "1", "--json"),
        ],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for(folder: Path, pattern: str) -> None:
    end = time.monotonic() + 60
    while not list(folder.glob(pattern)):
        assert time.monotonic() < end, f"no {pattern}"
        time.sleep(0.02)


@pytest.fixture
def emptied(swept: Any) -> Iterator[Path]:
    """The same folder before the sweep: the paths of the data are part of a cell's name."""
    folder, _ = swept
    finished = (folder / "sweep").rename(folder / "finished")
    yield folder
    shutil.rmtree(folder / "sweep", ignore_errors=True)
    finished.rename(folder / "sweep")


def test_killed_and_gone_on_with_by_two_workers(emptied: Path, swept: Any) -> None:
    """The tables are the same to the last bit."""
    killed = start(emptied)
    wait_for(emptied, "sweep/*/metrics.jsonl")
    killed.kill()
    killed.communicate()
    workers = [start(emptied) for _ in range(2)]
    for worker in workers:
        out, _ = worker.communicate(timeout=120)
        assert worker.returncode == 0
        assert rows_of(out) == rows_of(swept[1].out)
    assert not list(emptied.glob("sweep/**/*.lock"))


def test_stopped_it_saves_and_says_how_to_go_on(emptied: Path) -> None:
    stopped = start(emptied)
    wait_for(emptied, "sweep/*/last.pkl")
    stopped.send_signal(signal.SIGINT)
    out, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    assert "not finished" in [row["state"] for row in rows_of(out)]
    assert "not finished" in (emptied / "sweep" / "report.html").read_text()
    assert re.fullmatch(
        r"stopped and saved after \d of 3 runs\. Go on with: zoo sweep plan\.toml -o sweep "
        r"--jobs 2 --threads 1 --json",
        err.splitlines()[-1],
    )
    assert not list(emptied.glob("sweep/**/*.lock"))


def test_a_changed_plan_keeps_the_old_runs(swept: Any, cli: Callable[..., Any]) -> None:
    folder, expected = swept
    plan = folder / "changed.toml"
    plan.write_text(PLAN.replace("[0, 1]", "[0, 1, 2]"))
    result = cli("sweep", plan, "-o", folder / "sweep", "--dry-run", "--json")
    assert result.code == 0
    assert "1 of 4 runs left" in result.err
    row = rows_of(result.out)[0]
    before = rows_of(expected.out)[0]
    assert (row["n"], row["seeds"], row["state"]) == (2, 3, "not finished")
    assert (row["psnr"], row["runs"][:2]) == (before["psnr"], before["runs"])


def test_a_run_that_fails_is_a_row_and_is_tried_again(
    base: Path, tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_PLUGINS", "")
    with_plan(base, tmp_path)
    (tmp_path / "one.toml").write_text('format = 1\narchitecture = "tiny.toml"\n')
    (tmp_path / "none").mkdir()
    arguments = ("sweep", "one.toml", "-o", "sweep", "--data", "none", "--csv")
    for _ in range(2):
        result = cli(*arguments)
        reason = f"{tmp_path / 'none'}: no images in it. Use a folder of pictures."
        assert (result.code, result.err.splitlines()[-1]) == (
            4,
            "1 of 1 runs failed; the same command tries them again",
        )
        assert result.err.count("1 of 1  one, seed 0: ") == 1
    assert result.out == cli(*arguments, "--dry-run").out
    _, line = result.out.splitlines()
    assert line.startswith("one,one,,,,,0,1,223,,,,failed,")
    assert reason.split(":")[0] in line


def test_damaged_files_of_a_finished_run_are_made_again(
    base: Path, tmp_path: Path, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_PLUGINS", "")
    with_plan(base, tmp_path)
    (tmp_path / "one.toml").write_text(
        'format = 1\narchitecture = "tiny.toml"\nset.train.epochs = 1\n'
    )
    arguments = ("sweep", "one.toml", "-o", "sweep", "--json")
    expected = rows_of(cli(*arguments).out)
    (evaluation,) = tmp_path.glob("sweep/*/evaluation.json")
    evaluation.write_bytes(b"\xff")
    evaluation.with_name("metrics.jsonl").write_text('{"seconds": NaN}')
    again = cli(*arguments)
    assert (again.code, rows_of(again.out)) == (0, expected)
    assert "1 of 1 runs left" in again.err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ("--threads", "2"),
            2,
            "--threads 2: sweep was begun with 1, and its results are comparable to the last bit "
            "only with as many. Leave it out, or use another folder.",
        ),
        (
            ("--json", "--csv"),
            2,
            "zoo sweep: --json, --csv and --markdown exclude each other. Use one. See zoo sweep "
            "--help.",
        ),
        (
            ("-o", "photos"),
            2,
            "--out photos: is there already and is no sweep. Use another folder.",
        ),
        (
            ("-o", "tiny.toml"),
            2,
            "--out tiny.toml: is there already and is no sweep. Use another folder.",
        ),
        (("-o", "tiny.toml/x"), 2, "--out tiny.toml/x: cannot be made: Not a directory."),
        (
            ("-o", "damaged"),
            5,
            "damaged/sweep.json: is damaged, or of another zoo. Use another folder.",
        ),
    ],
)
def test_what_is_refused(
    copied: Path,
    cli: Callable[..., Any],
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    (copied / "damaged").mkdir()
    (copied / "damaged" / "sweep.json").write_text("{")
    result = cli("sweep", "plan.toml", "-o", "sweep", *arguments)
    assert (result.code, result.err) == (code, f"{message}\n")


@pytest.mark.slow
def test_killed_at_random_moments(emptied: Path, swept: Any) -> None:
    """The worker alone, whose runs then save themselves, and in turn all at once."""
    moments = Random(0)
    for number in range(10 * TIMES):
        worker = start(emptied)
        with suppress(subprocess.TimeoutExpired):
            worker.wait(moments.uniform(0.5, 8))
        for child in children(worker.pid) if number % 2 else ():
            os.kill(child, signal.SIGKILL)
        worker.kill()
        worker.communicate()
    last = start(emptied)
    out, _ = last.communicate(timeout=300)
    assert (last.returncode, rows_of(out)) == (0, rows_of(swept[1].out))


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
