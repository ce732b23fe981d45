"""Processes that are ranks of one run, started by what torchrun sets, without torchrun."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST = 240  # seconds for all ranks; a machine may be busy


@dataclass(frozen=True)
class Ended:
    """How a rank ended: its exit code, and what it printed."""

    code: int
    out: str
    err: str


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as found:
        found.bind(("localhost", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def ranks(
    count: int,
    arguments: Sequence[str | Path],
    cwd: Path,
    of_rank: Mapping[int, Mapping[str, str]] | None = None,
    prefixes: Sequence[Sequence[str]] = (),
    **environment: str,
) -> Iterator[list[subprocess.Popen[str]]]:
    """``python ARGUMENTS`` by ``count`` ranks; none of them is left when ``with`` ends.

    Args:
        count: how many.
        arguments: of Python.
        cwd: where they run.
        of_rank: what else is in the environment of some.
        prefixes: what each rank's command begins with; nothing unless given.
        environment: what else is in that of all.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
    own = {
        "PYTHONPATH": str(ROOT),
        "CUDA_VISIBLE_DEVICES": "",
        "OMP_NUM_THREADS": "1",
        "ZOO_PLUGINS": "",
        "WORLD_SIZE": str(count),
        "LOCAL_WORLD_SIZE": str(count),
        "TORCH_CPP_LOG_LEVEL": "FATAL",  # as the command line has it: late ranks are no failure
        "MASTER_ADDR": "localhost",
        "MASTER_PORT": str(free_port()),
    }
    started = [
        subprocess.Popen(
            [*(prefixes[rank] if prefixes else ()), sys.executable, *map(str, arguments)],
            cwd=cwd,
            env=kept
            | own
            | environment
            | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
            | dict((of_rank or {}).get(rank, {})),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(count)
    ]
    try:
        yield started
    finally:
        for process in started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate()


def ended(started: Sequence[subprocess.Popen[str]], but: Sequence[int] = ()) -> list[Ended]:
    """How each ends, but for those whose number is in ``but``."""
    found = []
    for rank, process in enumerate(started):
        if rank not in but:
            out, err = process.communicate(timeout=LONGEST)
            found.append(Ended(process.returncode, out, err))
    return found
