"""The folder of a sweep: its cells' files and run folders, and what holds for every worker."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from zoo.errors import CheckpointError, UsageError, printable
from zoo.files import append_regular, create_text, read_regular, to_json, write_text
from zoo.locks import OF_RUN, Claim, claim, is_locked
from zoo.sweep.cells import Cell, cell_name

MARK = "sweep.json"  # makes a folder one of a sweep
FORMAT = 1


@dataclass(frozen=True)
class SweepFolder:
    """Where the cells of a sweep are; all its state is in files there.

    Attributes:
        path: the folder.
        threads: of each cell's process, the same for all: another number gives other last bits.
    """

    path: Path
    threads: int

    def architecture(self, cell: Cell) -> Path:
        """The file that a cell trains."""
        return self.path / f"{cell.name}.toml"

    def run(self, cell: Cell) -> Path:
        """The folder of a cell's run."""
        return self.path / cell.name

    def log(self, cell: Cell) -> Path:
        """What a cell's process has said on its standard error; not there where it said nothing."""
        return self.path / f"{cell.name}.log"

    def failure(self, cell: Cell) -> Path:
        """Why a cell's process failed, which is tried again; not there where it did not."""
        return self.path / f"{cell.name}.failed"

    def diverged(self, cell: Cell) -> Path:
        """How a cell diverged, as it would again; not there where it did not."""
        return self.path / f"{cell.name}.diverged"

    def is_at_work(self, cell: Cell) -> bool:
        """Whether a process trains a cell, also one whose worker was killed."""
        return is_locked(self._lock(cell)) or is_locked(self.run(cell) / OF_RUN)

    def claim(self, cell: Cell) -> Claim | None:
        """Keep other workers from a cell; None where one of them has it."""
        return claim(self._lock(cell))

    def _lock(self, cell: Cell) -> Path:
        return self.path / f"{cell.name}.lock"

    def prepare(self, cell: Cell) -> None:
        """Write the file of a cell, unless it is there, and make the folder of its run.

        Raises:
            OSError, WriteError: they cannot be written, or something else has their names.
        """
        path = self.architecture(cell)
        try:
            if not _is_of(read_regular(path), cell):
                write_text(path, cell.text)
        except FileNotFoundError:
            create_text(path, cell.text)
        self.run(cell).mkdir(exist_ok=True)

    def open_log(self, cell: Cell) -> BinaryIO:
        """The log of a cell, to be written at its end.

        Raises:
            OSError: it cannot be, or something else has its name.
        """
        return append_regular(self.log(cell))

    def write_plan(self, text: str) -> None:
        """Keep the plan that was used last as ``plan.toml``."""
        write_text(self.path / "plan.toml", text)

    def write_failure(self, cell: Cell, reason: str, diverged: bool) -> None:
        """Keep why a cell's process failed."""
        write_text(self.diverged(cell) if diverged else self.failure(cell), f"{reason}\n")

    def clear(self, cell: Cell) -> None:
        """Forget why a cell failed: it is tried again."""
        with suppress(OSError):
            self.failure(cell).unlink(missing_ok=True)


def open_sweep(path: Path, threads: int | None, default: int) -> SweepFolder:
    """The folder of a sweep, which is made if it is not there.

    Args:
        path: the folder.
        threads: of each cell's process; what the sweep was begun with unless given.
        default: what a new sweep is begun with where ``threads`` is not given.

    Raises:
        UsageError: something else is at ``path``, it cannot be made, or the sweep was begun with
            another number of threads.
        CheckpointError: its ``sweep.json`` is damaged.
        WriteError: it cannot be written in.
    """
    mark = path / MARK
    try:
        if not mark.is_file():
            _require_free(path)
            path.mkdir(parents=True, exist_ok=True)
            content = {"format": FORMAT, "threads": threads or default}
            with suppress(FileExistsError):  # another worker was faster
                create_text(mark, to_json(content, indent=2) + "\n")
    except OSError as error:
        raise UsageError(f"--out {path}: cannot be made: {error.strerror}.") from error
    begun = _threads(mark)
    if threads is not None and threads != begun:
        raise UsageError(
            f"--threads {threads}: {path} was begun with {begun}, and its results are comparable "
            "to the last bit only with as many. Leave it out, or use another folder."
        )
    return SweepFolder(path, begun)


def look_at_sweep(path: Path) -> SweepFolder:
    """The folder of a sweep that is or may be made there, only to be read: nothing is written.

    Raises:
        UsageError: something else is at ``path``.
        CheckpointError: its ``sweep.json`` is damaged.
    """
    mark = path / MARK
    if mark.is_file():
        return SweepFolder(path, _threads(mark))
    try:
        _require_free(path)
    except OSError as error:
        raise UsageError(f"--out {path}: cannot be read: {error.strerror}.") from error
    return SweepFolder(path, 1)


def _is_of(content: bytes, cell: Cell) -> bool:
    """Whether a file trains what a cell does; its ``name`` may be another, as of its run."""
    with suppress(ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return cell_name(content.decode()) == cell.name
    return False


def _require_free(path: Path) -> None:
    if path.exists() and not (path.is_dir() and _is_free(path.iterdir())):
        raise UsageError(f"--out {path}: is there already and is no sweep. Use another folder.")


def _is_free(names: Iterable[Path]) -> bool:
    return all(path.name.startswith(".zoo-") for path in names)


def _threads(mark: Path) -> int:
    content: Any = None
    with suppress(OSError, ValueError, RecursionError):
        content = json.loads(read_regular(mark))
    threads = content.get("threads") if isinstance(content, dict) else None
    if type(threads) is not int or threads < 1 or content.get("format") != FORMAT:
        raise CheckpointError(
            f"{printable(str(mark))}: is damaged, or of another zoo. Use another folder."
        )
    return threads
