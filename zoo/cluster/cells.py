"""The cells of a sweep on a cluster: which worker trains which, and what a signal does to them."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from zoo.cluster.address import LOCAL
from zoo.cluster.cell_piece import CellPiece, Training
from zoo.cluster.cell_task import is_at_work
from zoo.cluster.dispatch import Dispatcher, Piece
from zoo.cluster.links import LostWorkerError, WorkerLink
from zoo.cluster.remote import progress_of
from zoo.cluster.workers import Workers
from zoo.errors import Stopped
from zoo.files import remove_if_empty
from zoo.sweep.cells import Cell
from zoo.sweep.folder import SweepFolder
from zoo.sweep.work import PATIENCE, Outcome

LONGEST_SAVE = 120.0  # seconds, of a cell that is to stop
BETWEEN_LOOKS = 0.5  # seconds, at such cells


class ClusterWorker:
    """Trains the cells of a sweep on the workers of a cluster.

    Args:
        folder: of the sweep.
        workers: of the cluster.
        training: how.
        report: told about each cell that has ended.
        slow: told, once, the folders of runs that take long to save when all are to stop.
    """

    def __init__(
        self,
        folder: SweepFolder,
        workers: Workers,
        training: Training,
        report: Callable[[Outcome], object],
        slow: Callable[[Sequence[Path]], object] = lambda _: None,
    ) -> None:
        self._folder, self._training, self._report = folder, training, report
        self._workers, self._slow = workers, slow
        self._left: set[str] = set()
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
                    found = link.ask(progress_of, link.around.folder, self._names)
                    self._there[link.address] = set(found)

    def _stop(self) -> None:
        """Have what is at work saved, and take it back as far as it is.

        Raises:
            Stopped: a signal came meanwhile.
        """
        waited = threading.Timer(PATIENCE, self._tell_slow)
        waited.daemon = True
        waited.start()
        try:
            self._dispatcher.cancel()
            for piece, link in self._running():
                self._take_back(piece, link)
        except KeyboardInterrupt as stop:
            number = int(getattr(stop, "number", signal.SIGINT))
            raise Stopped(_left_behind(self._dispatcher.cluster), number) from stop
        finally:
            waited.cancel()

    def _take_back(self, piece: CellPiece, link: WorkerLink) -> None:
        """Take a cell back when it is saved; a worker that does not answer is asked once."""
        if link.address in self._left:
            return
        try:
            if self._workers.is_silent(link.address):
                raise LostWorkerError(link.address)
            self._wait_until_saved(piece.cell, link)
            piece.fetch(link)
        except LostWorkerError:
            self._left.add(link.address)
            self._workers.leave(link.address)

    def _tell_slow(self) -> None:
        self._slow([self._folder.run(it.cell) for it, _ in self._running()])

    def _running(self) -> list[tuple[CellPiece, WorkerLink]]:
        """The cells at work, each with its worker."""
        running = self._dispatcher.running
        return [(it, link) for it, link in running if isinstance(it, CellPiece)]

    def _wait_until_saved(self, cell: Cell, link: WorkerLink) -> None:
        """Wait for the end of a cell's process.

        Raises:
            LostWorkerError: the worker is gone, or the process does not end.
        """
        end = time.monotonic() + LONGEST_SAVE
        while link.ask(is_at_work, link.around.folder, cell):
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
                link.ask(remove_if_empty, Path(link.around.folder))
