"""Training the runs of ``zoo sweep``: by processes of this machine, or by a cluster's workers."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from zoo.cli.console import count_of, shell_command, warn
from zoo.cli.streams import say
from zoo.cli.sweep_lines import Show
from zoo.cluster.address import LOCAL, address_of, waiting_line
from zoo.errors import Stopped, UsageError, printable
from zoo.plugins.registry import Registry
from zoo.sweep.cells import Cell
from zoo.sweep.folder import MARK, SweepFolder
from zoo.sweep.work import Worker

if TYPE_CHECKING:
    from zoo.cluster.workers import Workers

CELL = ("-m", "zoo.cli.sweep_cell", "run")


@dataclass(frozen=True)
class Means:
    """What runs are trained with.

    Attributes:
        cluster: of the option; None for processes of this machine.
        jobs: runs at once, on this machine.
        options: of each run.
        workers: of the cluster, see :func:`cluster_of`; None for none.
    """

    cluster: str | None
    jobs: int
    options: tuple[str, ...]
    workers: Workers | None


def check_jobs(cluster: str | None, jobs: int) -> None:
    """Refuse ``--jobs`` where it says nothing.

    Raises:
        UsageError: a cluster elsewhere has as many runs at once as its workers have threads.
    """
    if cluster not in (None, LOCAL) and jobs != 1:
        raise UsageError(
            f"--jobs {jobs}: is of this machine, and --cluster {cluster} runs as many at once as "
            "its workers have threads. Leave it out."
        )


@contextmanager
def workers_of(
    cluster: str | None, jobs: int, left: Sequence[Cell], registry: Registry
) -> Iterator[Workers | None]:
    """The workers of the cluster, which have been found to have the same versions.

    Args:
        cluster, jobs: as of :class:`Means`.
        left: the cells that it is for; where there are none it is not asked.
        registry: what is installed.

    Yields:
        Them; None where there is nothing to ask.

    Raises:
        UsageError: that is no cluster, it cannot be reached, or a worker has other versions.
        PluginError: a worker has not the same plugins.
        ClusterError: it is gone.
    """
    if cluster is not None:
        address_of(cluster)
    if cluster is None or not left:
        yield None
        return
    from zoo.cluster.connect import connected
    from zoo.cluster.software import needed
    from zoo.cluster.workers import Workers

    with connected(cluster, jobs) as client:
        workers = Workers(client, cluster, needed(registry), warn)
        workers.require(lambda: say(waiting_line(cluster)))
        yield workers


def threads_of(cluster: str | None, jobs: int) -> int:
    """The threads of each run of a new sweep: the cores over the jobs; elsewhere one."""
    if cluster not in (None, LOCAL):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, (cores or 1) // jobs)


def how(folder: SweepFolder, cluster: str | None, jobs: int) -> str:
    """How runs are trained, in words."""
    where = f"{jobs} at once" if cluster in (None, LOCAL) else f"on {cluster}"
    return f"{where}, threads of each: {folder.threads}"


def train(show: Show, left: Sequence[Cell], means: Means) -> Stopped | None:
    """Train the cells that are left; returns what to raise where a signal came, all saved."""
    try:
        if means.workers is None:
            _train_here(show, left, means)
        else:
            _train_on_cluster(show, left, means, means.workers)
    except KeyboardInterrupt as stop:
        number = int(getattr(stop, "number", signal.SIGINT))
        done = len(show.results) + len(show.failures)
        command = shell_command("zoo", *sys.argv[1:])
        message = f"stopped and saved after {done} of {len(show.cells)} runs. Go on with: {command}"
        return Stopped(message, number)
    return None


def _train_here(show: Show, left: Sequence[Cell], means: Means) -> None:
    def wait(count: int) -> None:
        say(f"waiting for {count} runs of another worker")

    command = (sys.executable, *CELL)
    Worker(show.folder, command, means.options, means.jobs, show.report, wait, _slow).work(left)


def _slow(runs: Sequence[Path]) -> None:
    names = ", ".join(printable(str(run)) for run in runs)
    say(f"waiting until these are saved: {names}; a second signal ends at once", err=True)


def _train_on_cluster(show: Show, left: Sequence[Cell], means: Means, workers: Workers) -> None:
    """Train the cells on the workers of a cluster.

    Raises:
        UsageError: a worker cannot make a folder.
        ClusterError: the scheduler is gone.
    """
    from zoo.cluster.cell_piece import Training
    from zoo.cluster.cells import ClusterWorker, remove_spools
    from zoo.cluster.software import variables_of
    from zoo.cluster.workers import probe_in

    training = Training(CELL, means.options, variables_of(os.environ))
    path = show.folder.path.absolute()
    with probe_in(path) as probe:
        workers.enter(path, _spool(show.folder), probe)
        links = workers.links
        shared = sum(link.around.shared for link in links)
        say(
            f"cluster: {workers.cluster}: {count_of('worker', len(links))}, "
            f"{count_of('run', sum(link.threads for link in links))} at once; this disk is shared "
            f"by {shared}"
        )
        ClusterWorker(show.folder, workers, training, show.report, _slow).work(left)
        remove_spools(workers.links)


def _spool(folder: SweepFolder) -> str:
    """What this sweep's folders on other hosts are called, and those of no other sweep."""
    begun = (folder.path / MARK).stat().st_mtime_ns
    text = f"{socket.gethostname()}:{folder.path.absolute()}:{begun}:{folder.threads}"
    return sha256(os.fsencode(text)).hexdigest()[:16]
