"""Clusters of separate processes, as a user starts them, which end with a test."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

LONGEST = 180.0  # seconds; a machine may be busy


def wait_for(found: Callable[[], Any]) -> Any:
    """What a function finds, once that is something."""
    end = time.monotonic() + LONGEST
    while not (value := found()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return value


def wait_until(path: Path) -> None:
    wait_for(lambda: path.exists() and path.read_bytes())


@contextmanager
def started(
    *command: str, environment: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
) -> Iterator[int]:
    """A process of Dask's command line, ended afterwards; its number."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "distributed.cli.dask_" + command[0], *command[1:]],
        env={**os.environ, "ZOO_PLUGINS": "", **(environment or {})},
        cwd="/",  # of which no packages are
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def scheduler(folder: Path, host: str = "127.0.0.1", prefix: Sequence[str] = ()) -> Iterator[Path]:
    """The file of a scheduler."""
    file = folder / "scheduler.json"
    options = ("--port", "0", "--host", host, "--no-dashboard")
    with started("scheduler", *options, "--scheduler-file", str(file), prefix=prefix):
        wait_until(file)
        yield file


@contextmanager
def worker(
    file: Path,
    name: str,
    *options: str,
    environment: Mapping[str, str] | None = None,
    prefix: Sequence[str] = (),
) -> Iterator[int]:
    """A worker of one thread with files of its own; the number of its nanny's process."""
    own = ("--local-directory", str(file.parent / name), "--name", name, *options)
    basic = ("--scheduler-file", str(file), "--nthreads", "1", "--no-dashboard")
    with started("worker", *basic, *own, environment=environment, prefix=prefix) as process:
        yield process


def children(process: int) -> list[int]:
    """The processes that a process has started."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def command_of(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def of_worker(nanny: int) -> list[int]:
    """The process of a nanny's worker, in which tasks run."""
    return [it for it in children(nanny) if "spawn_main" in command_of(it)]


def wait_for_workers(file: Path, count: int) -> None:
    """Wait until so many workers have come to a scheduler."""
    from distributed import Client

    with Client(scheduler_file=str(file), set_as_default=False) as client:
        client.wait_for_workers(count, timeout=LONGEST)
