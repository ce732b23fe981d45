"""``--cluster`` where a worker is halted, and where a user presses Ctrl-C, by real signals."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.sweeps import rows_of
from tests.cluster.clusters import (
    children,
    command_of,
    of_worker,
    scheduler,
    wait_for,
    wait_for_workers,
    worker,
)
from tests.cluster.terminal import CTRL_C, Terminal, terminal

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal"),
]
PLAN = """
format = 1
architecture = "tiny.toml"
seeds = [0]
set = { data.samples_per_epoch = 1000, train.checkpoint_every.steps = 10 }
grid = { layers.0.out_channels = [2, 3, 4] }
"""
SWEEP = ("sweep", "plan.toml", "-o", "sweep", "--threads", "1", "--cluster")
LONGEST = 120.0  # seconds until a command has ended, of which 20 are for a worker that is halted
HALTED = "does not answer; what it was at is left there, and the same command goes on with it"
Process = Callable[..., Any]


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    (tmp_path / "plan.toml").write_text(PLAN)
    shutil.copy(base / "tiny.toml", tmp_path)
    (tmp_path / "photos").symlink_to(base / "photos")
    return tmp_path


@contextmanager
def cluster(folder: Path, kind: str) -> Iterator[tuple[tuple[str, ...], list[int]]]:
    """The options that name a cluster of two workers, and their nannies; a local one has none."""
    with ExitStack() as stack:
        if kind == "local":
            yield ("local", "--jobs", "2"), []
            return
        file = stack.enter_context(scheduler(folder))
        nannies = [stack.enter_context(worker(file, name)) for name in "ab"]
        wait_for_workers(file, 2)
        yield (str(file),), nannies


@contextmanager
def sweeping(folder: Path, options: tuple[str, ...]) -> Iterator[Terminal]:
    """A sweep in a terminal that has saved something."""
    plain = {"ZOO_PLUGINS": "", "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200"}
    with terminal(*SWEEP, *options, cwd=folder, **plain) as found:
        wait_for(lambda: list(folder.glob("sweep/*/last.pkl")))
        yield found


def workers_of(terminal: Terminal, nannies: list[int]) -> list[tuple[int, int]]:
    """The processes of workers that train, each with that of its run."""
    own = [it for it in children(terminal.process.pid) if "cluster.local" in command_of(it)]
    return [
        (process, child)
        for nanny in (*nannies, *own)
        for process in of_worker(nanny)
        for child in children(process)
        if "sweep_cell" in command_of(child)
    ]


def has_ended(processes: list[int]) -> bool:
    return not any("zoo" in command_of(it) for it in processes)


def goes_on(folder: Path, options: tuple[str, ...], process: Process) -> None:
    """The same command trains all that is left, from what was saved."""
    saved = sum(path.exists() for path in folder.glob("sweep/*/last.pkl"))
    assert saved
    result = process(*SWEEP, *options, "--json", cwd=folder, ZOO_PLUGINS="")
    assert (result.code, [row["n"] for row in rows_of(result.out)]) == (0, [1, 1, 1])
    assert not list(folder.glob("sweep/*.lock"))


@pytest.mark.parametrize("kind", ["file", "local"])
def test_two_interrupts(kind: str, folder: Path, process: Process) -> None:
    with cluster(folder, kind) as (options, nannies):
        with sweeping(folder, options) as command:
            trained = [child for _, child in workers_of(command, nannies)]
            command.press(CTRL_C)
            time.sleep(0.3)  # no run is saved and back by then
            command.press(CTRL_C)
            code, shown = command.end(LONGEST)
        assert code == 130
        assert "stopped at once: what " in shown
        assert "Traceback" not in shown
        assert trained
        wait_for(lambda: has_ended(trained))
        goes_on(folder, options, process)


@pytest.mark.parametrize("kind", ["file", "local"])
def test_an_interrupt_while_a_worker_is_halted(kind: str, folder: Path, process: Process) -> None:
    """It is named, the others are saved, and its run is gone on with when it works again."""
    with cluster(folder, kind) as (options, nannies):
        with sweeping(folder, options) as command:
            (halted, _), *_ = found = workers_of(command, nannies)
            os.kill(halted, signal.SIGSTOP)
            command.press(CTRL_C)
            code, shown = command.end(LONGEST)
        assert code == 130
        assert shown.count(HALTED) == 1
        assert "; a second signal ends at once\n" in shown
        assert "stopped and saved after 0 of 3 runs. Go on with: zoo sweep" in shown
        if kind == "file":
            os.kill(halted, signal.SIGCONT)
        wait_for(lambda: has_ended([child for _, child in found]))
        goes_on(folder, options, process)


def test_a_worker_that_is_halted_from_the_start(folder: Path, process: Process) -> None:
    """It is named, and the other does the work."""
    with cluster(folder, "file") as (options, nannies):
        (halted,) = of_worker(nannies[0])
        os.kill(halted, signal.SIGSTOP)
        result = process(*SWEEP, *options, "--json", cwd=folder, ZOO_PLUGINS="")
        os.kill(halted, signal.SIGCONT)
    assert (result.code, [row["n"] for row in rows_of(result.out)]) == (0, [1, 1, 1])
    assert result.err.count(": does not answer; it is asked again in a minute\n") == 1
    assert "1 worker, 1 run at once" in result.err
