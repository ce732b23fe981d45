"""What a worker does for a cell of a sweep: trains it in a process of its own."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from zoo.cluster.tasks import pause_with, unless_cancelled
from zoo.sweep.cells import Cell
from zoo.sweep.folder import SweepFolder
from zoo.sweep.work import Outcome, Worker


def train_cell(
    folder: str,
    threads: int,
    cell: Cell,
    command: Sequence[str],
    options: Sequence[str],
    environment: Mapping[str, str],
) -> Outcome:
    """Train a cell on a worker.

    Args:
        folder: of the sweep, or the one that stands for it on this host.
        threads: of the cell's process.
        cell: which.
        command: what trains an architecture file, without the Python that runs it.
        options: what comes after the file and its folder.
        environment: variables of the process, beside the worker's.

    Raises:
        Stopped: nobody waits for it any more; the cell is saved.
    """
    outcomes: list[Outcome] = []
    pause = partial(pause_with, unless_cancelled())
    worker = Worker(
        SweepFolder(Path(folder), threads),
        (sys.executable, *command),
        options,
        1,
        outcomes.append,
        pause=pause,
        environment=environment,
    )
    worker.work([cell])
    return outcomes[0]


def is_at_work(folder: str, cell: Cell) -> bool:
    """Whether a process of a worker's host still trains a cell."""
    return SweepFolder(Path(folder), 1).is_at_work(cell)
