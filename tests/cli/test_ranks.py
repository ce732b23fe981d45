"""``zoo run`` by several processes, as torchrun starts them, and what happens where one fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.benchmarks.links import cut, has_namespaces, link
from tests.cluster.clusters import wait_for
from tests.distributed.ranks import LONGEST, ROOT, Ended, ended, free_port, ranks
from zoo.cli.ranks import _first_difference, _values

TORCHRUN = {
    "RANK": "0",
    "WORLD_SIZE": "4",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
}
UNREACHABLE = "rank 0: cannot be reached any more. It has ended, or its machine has.\n"
GONE = (
    "rank {}: does not answer any more. Its process was killed or stopped, or its machine cannot "
    "be reached.\n"
)
# What a rank's Python does before anything else, where SITE says so.
SITE = """
import os, resource

if "SITE_LIMIT" in os.environ:
    limit = int(os.environ["SITE_LIMIT"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
if "SITE_VERSION" in os.environ:
    import zoo.version

    zoo.version.VERSION = os.environ["SITE_VERSION"]
"""


Start = Callable[..., Any]


@pytest.fixture
def start(base: Path, plugins: Path, tmp_path: Path) -> Start:
    """``with start(2, "--epochs", "2", of_rank={...}) as processes``: ``zoo run probed.toml``."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE)

    @contextmanager
    def run(
        count: int,
        *options: str,
        of_rank: Mapping[int, Mapping[str, str]] | None = None,
        prefixes: Sequence[Sequence[str]] = (),
        **more: str,
    ) -> Iterator[list[subprocess.Popen[str]]]:
        arguments = ["-m", "zoo", "run", base / "probed.toml", "--out", "run", *options]
        path = os.pathsep.join(map(str, (site, plugins, ROOT)))
        environment = {"ZOO_PLUGINS": "zoo-probe", "PYTHONPATH": path, **more}
        with ranks(count, arguments, tmp_path, of_rank, prefixes, **environment) as started:
            yield started

    return run


def in_step(step: int, number: signal.Signals) -> Mapping[str, str]:
    """The environment of a rank that sends itself a signal in a step."""
    return {"PROBE_STEP": str(step), "PROBE_SIGNAL": str(int(number))}


def without_outcome(results: list[Ended]) -> list[tuple[int, str]]:
    """Codes and errors, without the warning that so short a training is of no use."""
    return [
        (it.code, "".join(x for x in it.err.splitlines(True) if "no better than" not in x))
        for it in results
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("denoise", "model", "a.png"),
            "zoo denoise: is not for several processes (WORLD_SIZE=4). Start it without torchrun.",
        ),
        (
            ("run", "--replay", "diverged.pkl"),
            "--replay diverged.pkl: is not for several processes (WORLD_SIZE=4). Repeat a step by "
            "one process.",
        ),
        (
            ("run", "tiny.toml", "--backend", "torch"),
            "--backend torch: is not for several processes (WORLD_SIZE=4). Train by torch.nn in "
            "one process.",
        ),
    ],
)
def test_what_is_for_one_process(
    arguments: tuple[str, ...],
    message: str,
    cli: Callable[..., Any],
    base: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in TORCHRUN.items():
        monkeypatch.setenv(name, value)
    given = [base / it if it == "tiny.toml" else it for it in arguments]
    result = cli(*given)
    assert (result.code, result.err) == (2, message + "\n")
    monkeypatch.setenv("RANK", "2")
    assert cli(*given).err == f"rank 2: {message}\n"


def test_a_signal_at_one_rank_stops_all(
    start: Start, base: Path, cli: Callable[..., Any], tmp_path: Path
) -> None:
    """The step ends, rank 0 saves and says so; one process can go on."""
    with start(2, "--epochs", "3", of_rank={1: in_step(5, signal.SIGTERM)}) as started:
        first, second = ended(started)
    command = "zoo run run/architecture.toml --out run --resume"
    saved = torch.load(tmp_path / "run/last.pkl", weights_only=True)["progress"]["step"]
    assert saved in (5, 6)
    message = (
        f"stopped and saved after step {saved} of 9. Go on with torchrun as before: -m {command}\n"
    )
    assert (first.code, first.err) == (143, message)
    assert (second.code, second.out, second.err) == (143, "", "")
    assert "ranks: 2 processes, 1 thread each" in first.out.splitlines()

    resumed = cli("run", "run/architecture.toml", "--out", "run", "--resume")
    assert (resumed.code, resumed.err) == (
        0,
        "warning: the number of processes was 2 and is 1: the run goes on, and differs in the "
        "last bits from one that was not interrupted\n",
    )
    assert f"resumed after step {saved}" in resumed.out.splitlines()


@pytest.mark.slow
def test_a_whole_run_is_that_of_one_process(
    start: Start, base: Path, process: Callable[..., Any], tmp_path: Path
) -> None:
    """The same files, the same figures but for rounding, and the same bits again."""
    alone = process("run", base / "probed.toml", "--out", "alone", cwd=tmp_path)
    assert (alone.code, alone.err) == (0, "")
    for name in ("first", "run"):
        with start(3) as started:
            results = ended(started)
        assert without_outcome(results) == [(0, "")] * 3
        assert [it.out for it in results[1:]] == ["", ""]
        if name == "first":
            (tmp_path / "run").rename(tmp_path / "first")
    files = [sorted(it.name for it in (tmp_path / run).iterdir()) for run in ("alone", "run")]
    assert files[0] == files[1]
    states = [
        torch.load(tmp_path / run / "last.pkl", weights_only=True)["model"]
        for run in ("alone", "first", "run")
    ]
    torch.testing.assert_close(states[0], states[2])
    torch.testing.assert_close(states[1], states[2], rtol=0, atol=0)
    evaluations = [
        json.loads((tmp_path / run / "evaluation.json").read_text()) for run in ("alone", "run")
    ]
    assert evaluations[0]["n_images"] == evaluations[1]["n_images"]
    assert evaluations[1]["psnr"] == pytest.approx(evaluations[0]["psnr"], rel=1e-5)
    assert evaluations[1]["baselines"] == evaluations[0]["baselines"]
    environment = json.loads((tmp_path / "run/environment.json").read_text())
    assert environment["processes"] == 3


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_rank_that_is_killed(victim: int, start: Start) -> None:
    with start(3, of_rank={victim: in_step(2, signal.SIGKILL)}) as started:
        results = ended(started)
    assert results[victim].code == -signal.SIGKILL
    for rank in {0, 1, 2} - {victim}:
        who = f"rank {rank}: " if rank else ""
        assert results[rank].code == 1
        if victim:
            assert results[rank].err == f"{who}{GONE.format(victim)}"
        else:  # which has the store that tells who lives
            assert results[rank].err == f"{who}{UNREACHABLE}"


@pytest.mark.slow
def test_a_rank_that_is_stopped(start: Start) -> None:
    """The others wait for the time-out, and a few seconds to find out which it is."""
    began = time.monotonic()
    stopped = {1: in_step(2, signal.SIGSTOP)}
    with start(3, "--rank-timeout", "4", of_rank=stopped) as started:
        results = ended(started, but=[1])
        assert started[1].poll() is None
    assert time.monotonic() - began < LONGEST
    assert [(it.code, it.err) for it in results] == [
        (1, GONE.format(1)),
        (1, f"rank 2: {GONE.format(1)}"),
    ]


@pytest.mark.slow
@pytest.mark.skipif(not has_namespaces(), reason="needs root and iproute2")
def test_a_link_that_is_lost(start: Start, cli: Callable[..., Any], tmp_path: Path) -> None:
    """Each names the other after the time-out and the seconds to find out who it is, and ends."""
    metrics = tmp_path / "run/metrics.jsonl"
    with link(1) as between:
        options = ("--rank-timeout", "5", "--epochs", "5000")
        with start(2, *options, prefixes=between.prefixes, **between.environment) as started:
            wait_for(metrics.exists)
            cut()
            began = time.monotonic()
            results = ended(started)
            assert time.monotonic() - began < 60
    first, second = results
    assert (first.code, first.err) == (1, GONE.format(1))
    assert (second.code, second.err) == (1, f"rank 1: {UNREACHABLE}")
    epochs = metrics.read_text().count("\n")
    resumed = cli("run", "run/architecture.toml", "--out", "run", "--resume", "--epochs", epochs)
    assert resumed.code == 0
    assert (tmp_path / "run/evaluation.json").exists()


def test_a_mistake_in_the_command_line(start: Start) -> None:
    message = (
        "zoo run: Invalid value for '--rank-timeout': is 0. Use an integer >= 1. "
        "See zoo run --help.\n"
    )
    with start(2, "--rank-timeout", "0") as started:
        results = ended(started)
    assert [(it.code, it.err) for it in results] == [(2, message), (2, f"rank 1: {message}")]


def test_nobody_at_the_address_of_rank_0(start: Start) -> None:
    with start(2, "--rank-timeout", "3", of_rank={0: {"MASTER_PORT": str(free_port())}}) as started:
        result = started[1].communicate(timeout=LONGEST)
    assert started[1].returncode == 1
    assert result[1].startswith("rank 1: ranks: MASTER_ADDR=localhost, MASTER_PORT=")
    assert "cannot be reached. Start all ranks with the address of rank 0" in result[1]
    assert result[1].count("\n") == 1


def test_another_seed_at_one_rank_is_named() -> None:
    """See ``zoo.cli.ranks``."""
    text = 'name = "a"\n[train]\nseed = {}\n'
    its, first = (_values(text.format(seed)) for seed in (5, 0))
    found = _first_difference(its, first)
    assert found == "train.seed 5, and rank 0 has train.seed 0"


@pytest.mark.slow
def test_a_full_disk_at_rank_0(start: Start) -> None:
    with start(2, of_rank={0: {"SITE_LIMIT": "4000"}}) as started:
        first, second = ended(started)
    message = "run/last.pkl: cannot be written: File too large."
    assert (first.code, first.err) == (1, f"{message}\n")
    assert second.code == 1
    assert second.err in (
        f"rank 1: rank 0: has ended: {message}\n",
        f"rank 1: {UNREACHABLE}",
    )


@pytest.mark.slow
def test_another_version_at_one_rank(start: Start) -> None:
    with start(2, of_rank={1: {"SITE_VERSION": "9.9"}}) as started:
        results = ended(started)
    for who, result in zip(("", "rank 1: "), results, strict=True):
        assert result.code == 1
        assert result.err.startswith(f"{who}rank 1: has zoo 9.9, and rank 0 has zoo ")
        assert result.err.endswith(". Install the same on all machines.\n")


@pytest.mark.slow
def test_a_plugin_is_missing_at_one_rank(start: Start) -> None:
    """It says so by itself; who waits for it says that it does not come."""
    with start(2, "--rank-timeout", "4", of_rank={1: {"ZOO_PLUGINS": ""}}) as started:
        first, second = ended(started)
    assert second.code == 2
    assert second.err.startswith("rank 1: ")
    assert "probe" in second.err
    assert (first.code, first.err) == (
        1,
        "rank 1: has not answered for 4 seconds. Its process is gone or stopped, or its machine "
        "cannot be reached.\n",
    )


@pytest.mark.slow
def test_the_launcher_is_killed(base: Path, plugins: Path, tmp_path: Path) -> None:
    """The ranks save and end as by a signal, and rank 0 says how to go on."""
    launcher = (sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2")
    process = subprocess.Popen(
        [*launcher, "-m", "zoo", "run", base / "probed.toml", "--epochs", "5000", "--out", "run"],
        cwd=tmp_path,
        env=os.environ | of_torchrun(plugins),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for((tmp_path / "run/metrics.jsonl").exists)
    process.kill()
    _, err = process.communicate(timeout=LONGEST)  # until the ranks have ended, too
    saved = torch.load(tmp_path / "run/last.pkl", weights_only=True)["progress"]["step"]
    command = "zoo run run/architecture.toml --out run --resume"
    go_on = f"Go on with torchrun as before: -m {command}"
    assert err == f"stopped and saved after step {saved} of 15000. {go_on}\n"


def of_torchrun(plugins: Path, *paths: Path) -> dict[str, str]:
    """The environment of a launcher."""
    path = os.pathsep.join(map(str, (*paths, plugins, ROOT)))
    own = {"PYTHONPATH": path, "ZOO_PLUGINS": "zoo-probe", "CUDA_VISIBLE_DEVICES": ""}
    return own | {"OMP_NUM_THREADS": "1"}  # else torchrun warns


@pytest.mark.slow
def test_torchrun_starts_all_again(base: Path, plugins: Path, tmp_path: Path) -> None:
    """After a restart a run goes on by itself, in its own folder, though that is not named."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "if os.environ.get('TORCHELASTIC_RESTART_COUNT') == '0' and os.environ['RANK'] == '1':\n"
        "    os.environ.update(PROBE_STEP='5', PROBE_SIGNAL='9')\n"
    )
    launcher = (sys.executable, "-m", "torch.distributed.run", "--max-restarts", "1")
    result = subprocess.run(
        [*launcher, "--nproc-per-node", "2", "-m", "zoo", "run", base / "probed.toml"],
        cwd=tmp_path,
        env=os.environ | of_torchrun(plugins, tmp_path),
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST,
    )
    assert result.returncode == 0, result.stderr
    assert "restarted by the launcher, restart 1" in result.stdout.splitlines()
    assert "resumed after step 3" in result.stdout.splitlines()  # the end of the first epoch
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / "evaluation.json").exists()
