"""A cell of a sweep as a piece of work: its files there and back.

On a worker that shares the sweep's disk a cell is trained in the sweep's folder, as by any other
worker of it. Else its files are sent, as far as there are any, and taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from zoo.cluster.cell_task import train_cell
from zoo.cluster.links import WorkerLink
from zoo.cluster.remote import files_of, progress_of, remove
from zoo.cluster.transfer import fetch_folder, parts, send
from zoo.errors import WriteError
from zoo.files import write_atomically
from zoo.locks import Claim
from zoo.sweep.cells import Cell
from zoo.sweep.folder import SweepFolder
from zoo.sweep.work import UNEXPECTED, Outcome


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
