"""Training the cells of a sweep, each in a process of its own.

Any number of workers share a sweep: what another one trains is locked, and waited for. A cell's
process ends, saved, when its standard input does, so none outlives its worker.
"""

from __future__ import annotations

import math
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import Stopped, WriteError, printable
from zoo.locks import Claim
from zoo.sweep.cells import Cell
from zoo.sweep.folder import SweepFolder
from zoo.sweep.process import close_input, reason_of, send
from zoo.sweep.results import (
    DIVERGED,
    Result,
    divergence,
    forget_result,
    read_result,
    said,
)

BETWEEN_LOOKS = 0.2  # seconds, at the worker's own processes
BETWEEN_OTHERS = 1.0  # seconds, at other workers' cells
PATIENCE = 10.0  # seconds, with processes that are to save, before it is said what is waited for
UNEXPECTED = 1  # the exit code of a run that diverges, and of what cannot be written
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: a result, or why there is none.

    Attributes:
        cell: which.
        result: what it reached; None where it failed.
        reason: why it failed, else "".
        code: the exit code of its process; 0 for one that had ended before, or diverged.
    """

    cell: Cell
    result: Result | None
    reason: str = ""
    code: int = 0


@dataclass
class _Process:
    """A cell in work."""

    cell: Cell
    process: subprocess.Popen[bytes]
    log_start: int
    claim: Claim


class Worker:
    """Trains the cells of a sweep that nobody else does.

    Args:
        folder: of the sweep.
        command: what trains an architecture file, with the file, ``--out`` and the folder after
            it, and goes on with a run that is there.
        options: what comes after these.
        jobs: processes at once.
        report: told about each cell that has ended, whoever has trained it.
        wait: told, once, how many cells other workers are at when these alone are left.
        slow: told, once, the folders of runs that take long to save when all are to stop.
        pause: sleeps for that many seconds; what it raises stops the work.
        environment: variables of each process, beside this one's.
    """

    def __init__(
        self,
        folder: SweepFolder,
        command: Sequence[str],
        options: Sequence[str],
        jobs: int,
        report: Callable[[Outcome], object],
        wait: Callable[[int], object] = lambda _: None,
        slow: Callable[[Sequence[Path]], object] = lambda _: None,
        pause: Callable[[float], object] = time.sleep,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._command, self._options = command, options
        self._jobs, self._report = jobs, report
        self._wait, self._slow, self._pause = wait, slow, pause
        self._environment = environment or {}
        self._running: list[_Process] = []

    def work(self, cells: Iterable[Cell]) -> None:
        """Train all cells; on the way out, however it comes, the processes end and are saved.

        A cell whose files cannot be written fails, and the others go on.

        Raises:
            Stopped: a signal came while they were saved; they are killed.
        """
        left, others = list(cells), False
        try:
            while left or self._running:
                left = self._start(left)
                if left and not self._running and not others:
                    others = True
                    self._wait(len(left))
                if left or self._running:
                    self._pause(BETWEEN_LOOKS if self._running else BETWEEN_OTHERS)
                self._report_ended()
        finally:
            self._stop()

    def _start(self, cells: list[Cell]) -> list[Cell]:
        """Start as many as there is room for; returns those that are left."""
        left = []
        for cell in cells:
            if len(self._running) == self._jobs or self.folder.is_at_work(cell):
                left.append(cell)
            elif (outcome := ended_before(self.folder, cell)) is not None:
                self._report(outcome)
            elif (claim := self._claimed(cell)) is None:
                left.append(cell)
            else:
                try:
                    self._running.append(self._process(cell, claim))
                except (OSError, WriteError) as error:
                    claim.release()
                    self._report(Outcome(cell, None, _unwritten(error, self.folder), UNEXPECTED))
        return left

    def _claimed(self, cell: Cell) -> Claim | None:
        """A cell for this worker alone; None where another has it, or has just ended it."""
        claim = self.folder.claim(cell)
        if claim is not None and ended_before(self.folder, cell) is not None:
            claim.release()
            return None
        return claim

    def _process(self, cell: Cell, claim: Claim) -> _Process:
        folder = self.folder
        folder.prepare(cell)
        folder.clear(cell)
        forget_result(folder, cell)
        with folder.open_log(cell) as log:
            start = log.tell()
            process = subprocess.Popen(
                [
                    *self._command,
                    *(folder.architecture(cell).name, "--out", folder.run(cell).name),
                    *self._options,
                ],
                cwd=folder.path,  # what is said of a cell names the same files on every machine
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={
                    **os.environ,
                    **self._environment,
                    **dict.fromkeys(THREADS, str(folder.threads)),
                },
                start_new_session=True,  # a terminal's Ctrl-C is the worker's alone
            )
        return _Process(cell, process, start, claim)

    def _report_ended(self) -> None:
        """Report the cells whose processes have ended."""
        ended = [it for it in self._running if it.process.poll() is not None]
        self._running = [it for it in self._running if it not in ended]
        for it in ended:
            try:
                outcome = self._outcome(it)
            finally:
                it.claim.release()
            self._report(outcome)

    def _outcome(self, ended: _Process) -> Outcome:
        """How a cell ended, of which the files are written."""
        cell, code = ended.cell, ended.process.returncode
        close_input(ended.process)
        _remove_empty(self.folder.log(cell))
        result = read_result(self.folder, cell)
        if result is not None:
            return Outcome(cell, result)
        reason = reason_of(code, said(self.folder.log(cell), ended.log_start))
        diverged = code == UNEXPECTED and (self.folder.run(cell) / DIVERGED).is_file()
        with suppress(WriteError):  # on a full disk; it is said all the same
            self.folder.write_failure(cell, reason, diverged)
        return Outcome(cell, None, reason, 0 if diverged else code or 1)

    def _stop(self) -> None:
        """End what is in work: each process saves first; a signal meanwhile kills it.

        Raises:
            Stopped: there was one.
        """
        try:
            self._wait_until_saved()
        except KeyboardInterrupt as stop:
            for it in self._running:
                send(it.process, "SIGKILL")
                it.process.wait()
            number = int(getattr(stop, "number", signal.SIGINT))
            message = "stopped at once: what its runs had not saved is lost. The same command "
            raise Stopped(f"{message}goes on from what they had", number) from stop
        finally:
            for it in self._running:
                _remove_empty(self.folder.log(it.cell))
                it.claim.release()

    def _wait_until_saved(self) -> None:
        for it in self._running:
            close_input(it.process)
            send(it.process, "SIGCONT")  # one that is halted would never save
        said_at = time.monotonic() + PATIENCE
        while left := [it.cell for it in self._running if it.process.poll() is None]:
            if time.monotonic() > said_at:
                said_at = math.inf
                self._slow([self.folder.run(cell) for cell in left])
            time.sleep(BETWEEN_LOOKS)


def ended_before(folder: SweepFolder, cell: Cell) -> Outcome | None:
    """How a cell ended that nothing is left to be done for; None for any other."""
    result = read_result(folder, cell)
    if result is not None:
        return Outcome(cell, result)
    reason = divergence(folder, cell)
    return Outcome(cell, None, reason) if reason else None


def _unwritten(error: OSError | WriteError, folder: SweepFolder) -> str:
    """What of a cell cannot be written, and why."""
    if isinstance(error, WriteError):
        return str(error)
    where = printable(str(error.filename2 or error.filename or folder.path))
    return f"{where}: cannot be written: {error.strerror or error}."


def _remove_empty(log: Path) -> None:
    with suppress(OSError):
        found = log.lstat()
        if stat.S_ISREG(found.st_mode) and not found.st_size:
            log.unlink()
