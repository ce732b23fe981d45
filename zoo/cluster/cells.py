"""The cells of a sweep on a cluster: each trained in a process of its own on a worker.

On a worker that shares the sweep's disk a cell is trained in the sweep's folder, as by any other
worker of it. Else its files are sent, as far as there are any, and taken back.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from zoo.cluster.address import LOCAL
from zoo.cluster.dispatch import Dispatcher, Piece
from zoo.cluster.remote import files_of, progress_of, remove, remove_if_empty
from zoo.cluster.tasks import pause_with, unless_cancelled
from zoo.cluster.transfer import fetch_folder, parts, send
from zoo.cluster.workers import LostWorkerError, WorkerLink, Workers
from zoo.errors import Stopped, WriteError
from zoo.files import write_atomically
from zoo.locks import Claim
from zoo.sweep.cells import Cell
from zoo.sweep.folder import SweepFolder
from zoo.sweep.work import UNEXPECTED, Outcome, Worker

LONGEST_SAVE = 120.0  # seconds, of a cell that is to stop
BETWEEN_LOOKS = 0.5  # seconds, at such cells


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


def file_names(folder: SweepFolder, cell: Cell) -> list[str]:
    """The files of a cell beside the folder of its run."""
    paths = (folder.log(cell), folder.failure(cell), folder.diverged(cell))
    return [path.name for path in paths]


@dataclass(frozen=True)
class Training:
    """How cells are trained.

    Attributes:
        command, options, environment: as of :func:`train_cell`.
    """

    command: Sequence[str]
    options: Sequence[str]
    environment: Mapping[str, str]


@dataclass
class CellPiece:
    """A cell as a piece of work.

    Attributes:
        folder: of the sweep, here.
        cell: which.
        training: how.
        report: told how it ended.
        claim: keeps other workers of the sweep from it while a worker without the disk has it.
    """

    folder: SweepFolder
    cell: Cell
    training: Training
    report: Callable[[Outcome], object]
    claim: Claim | None = field(default=None)

    def begin(self, link: WorkerLink) -> bool:
        """Keep others from the cell, and send the run as far as it is, if it is further here."""
        if link.around.shared:
            return True
        name = self.cell.name
        if self.folder.is_at_work(self.cell):
            return False
        self.claim = self.folder.claim(self.cell)
        if self.claim is None:
            return False
        try:
            here = progress_of(str(self.folder.path), [name])
            there = link.call(progress_of, link.around.folder, [name])
            if here.get(name, -1) > there.get(name, -1):
                log = self.folder.log(self.cell)
                if log.is_file():  # what was said of the run so far is of its result
                    send(link, log, link.path(log.name))
                send(link, self.folder.run(self.cell), link.path(name))
        except BaseException:
            self.put_off()
            raise
        return True

    def task(self, link: WorkerLink) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Train it."""
        how = self.training
        arguments = (how.command, how.options, how.environment)
        return train_cell, (link.around.folder, self.folder.threads, self.cell, *arguments)

    def take(self, link: WorkerLink, value: Outcome) -> None:
        """Take its files back, where they are not here, and report how it ended."""
        self.fetch(link)
        self.put_off()
        self.report(value)

    def fetch(self, link: WorkerLink) -> None:
        """Take its files back, finished or not; they are gone there only then.

        Raises:
            LostWorkerError: the worker is gone.
            OSError, ZooError: they cannot be taken.
        """
        if link.around.shared:
            return
        self.folder.prepare(self.cell)
        self.folder.clear(self.cell)
        there = file_names(self.folder, self.cell)
        for name in there:
            if link.call(files_of, link.path(name)):
                self._fetch_file(link, name)
        if link.call(files_of, link.path(self.cell.name)):
            fetch_folder(link, link.path(self.cell.name), self.folder.run(self.cell))
        gone = (*there, self.cell.name, self.folder.architecture(self.cell).name)
        link.call(remove, [link.path(name) for name in gone])

    def _fetch_file(self, link: WorkerLink, name: str) -> None:
        content = parts(link, link.path(name))
        write_atomically(self.folder.path / name, lambda stream: stream.writelines(content))

    def fail(self, reason: str) -> None:
        """Report why it has no result; the same command tries it again."""
        with suppress(OSError, WriteError):
            self.folder.write_failure(self.cell, reason, diverged=False)
        self.put_off()
        self.report(Outcome(self.cell, None, reason, UNEXPECTED))

    def put_off(self) -> None:
        """Let others have it."""
        if self.claim is not None:
            self.claim.release()
            self.claim = None


class ClusterWorker:
    """Trains the cells of a sweep on the workers of a cluster.

    Args:
        folder: of the sweep.
        workers: of the cluster.
        training: how.
        report: told about each cell that has ended.
    """

    def __init__(
        self,
        folder: SweepFolder,
        workers: Workers,
        training: Training,
        report: Callable[[Outcome], object],
    ) -> None:
        self._folder, self._training, self._report = folder, training, report
        self._there: dict[str, set[str]] = {}
        self._names: list[str] = []
        self._dispatcher = Dispatcher(
            workers, lambda link: link.threads, self._choose, self._look_for_runs
        )

    def work(self, cells: Sequence[Cell]) -> None:
        """Train all cells.

        Raises:
            KeyboardInterrupt: a signal came; what was at work is saved and taken back.
            Stopped: another came meanwhile.
            ClusterError: the scheduler is gone; what was at work is on the workers' hosts.
        """
        self._names = [cell.name for cell in cells]
        pieces = [CellPiece(self._folder, it, self._training, self._report) for it in cells]
        try:
            self._dispatcher.work(pieces)
        except KeyboardInterrupt:
            self._stop()
            raise
        finally:
            for piece in pieces:
                piece.put_off()

    def _choose(self, link: WorkerLink, pieces: Sequence[Piece]) -> int:
        """A run that is already on the worker's host, else one that is on none, else the first."""
        here = self._there.get(link.address, set())
        anywhere = set().union(*self._there.values())

        def key(number: int) -> tuple[bool, bool, int]:
            piece = pieces[number]
            assert isinstance(piece, CellPiece)
            name = piece.cell.name
            return name not in here, name in anywhere, number

        return min(range(len(pieces)), key=key)

    def _look_for_runs(self, links: Sequence[WorkerLink]) -> None:
        self._there = {}
        for link in links:
            if not link.around.shared:
                with suppress(LostWorkerError):
                    found = link.call(progress_of, link.around.folder, self._names)
                    self._there[link.address] = set(found)

    def _stop(self) -> None:
        """Have what is at work saved, and take it back as far as it is.

        Raises:
            Stopped: a signal came meanwhile.
        """
        try:
            self._dispatcher.cancel()
            for piece, link in self._dispatcher.running:
                assert isinstance(piece, CellPiece)
                with suppress(LostWorkerError):
                    self._wait_until_saved(piece.cell, link)
                    piece.fetch(link)
        except KeyboardInterrupt as stop:
            number = int(getattr(stop, "number", signal.SIGINT))
            raise Stopped(_left_behind(self._dispatcher.cluster), number) from stop

    def _wait_until_saved(self, cell: Cell, link: WorkerLink) -> None:
        """Wait for the end of a cell's process.

        Raises:
            LostWorkerError: the worker is gone, or the process does not end.
        """
        end = time.monotonic() + LONGEST_SAVE
        while link.call(is_at_work, link.around.folder, cell):
            if time.monotonic() > end:
                raise LostWorkerError(link.address)
            time.sleep(BETWEEN_LOOKS)


def _left_behind(cluster: str) -> str:
    """Where the runs are that a second signal kept from coming back."""
    if cluster == LOCAL:  # it ends with the command
        return (
            "stopped at once: what was not saved is lost. The same command goes on from the last "
            "checkpoints"
        )
    return (
        "stopped at once: what did not come back is saved on the workers' hosts. The same command "
        "with this cluster goes on from it"
    )


def remove_spools(links: Sequence[WorkerLink]) -> None:
    """Remove the folders on hosts that do not share the disk, where nothing is left in them."""
    for link in links:
        if not link.around.shared:
            with suppress(LostWorkerError):
                link.call(remove_if_empty, link.around.folder)
