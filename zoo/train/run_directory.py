"""The folder of one run: what is in it, and that nothing in it is ever lost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from zoo import temporary
from zoo.data.record import DataRecord
from zoo.errors import CheckpointError, UsageError
from zoo.files import read_regular, remove_if_empty, removed_if_empty, to_json, write_text
from zoo.locks import OF_RUN
from zoo.train import run_lock
from zoo.train.checkpoint import load_newest, previous_path, save_checkpoint

RUNS = "runs"  # where the folders of runs are without --out


@contextmanager
def open_run(out: Path | None, name: str, now: datetime, resume: bool) -> Iterator[RunDirectory]:
    """The folder of a run, new or to go on with, in which no other process trains meanwhile.

    What killed processes have left in it is removed, and a new folder with nothing in it at the
    end is too, with those that were made for it.

    Args:
        out: as ``--out`` says.
        name: of the architecture.
        now: the time.
        resume: whether to go on with a run.

    Raises:
        UsageError: another process trains there; or ``out`` of a new run is in use, or cannot be
            made.
        CheckpointError: there is no run to go on with.
        WriteError: the folder cannot be written in.
    """
    with ExitStack() as stack:
        if resume:
            directory = existing_run_directory(out, name)
        else:
            stack.enter_context(removed_if_empty(out or Path(RUNS)))
            directory = new_run_directory(out, name, now)
            stack.callback(remove_if_empty, directory.path)
        stack.enter_context(run_lock.run_lock(directory.path))
        for folder in (directory.path, directory.images):
            temporary.remove_left_overs(folder)
        yield directory


@dataclass(frozen=True)
class RunDirectory:
    """Paths and writers; every file is written atomically.

    Attributes:
        path: the folder.
        writes: False for one of which another process writes all files, perhaps on another machine.
    """

    path: Path
    writes: bool = True

    @property
    def last(self) -> Path:
        """The latest checkpoint."""
        return self.path / "last.pkl"

    @property
    def best(self) -> Path:
        """The checkpoint of the best validation PSNR."""
        return self.path / "best.pkl"

    @property
    def evaluation(self) -> Path:
        """What the trained network was measured to do."""
        return self.path / "evaluation.json"

    @property
    def is_evaluated(self) -> bool:
        """Whether the trained network was evaluated, all files of that being there."""
        return self.evaluation.is_file() and self.examples.is_file()

    def remove_evaluation(self) -> None:
        """Remove what is known of a network that is trained on."""
        for path in (self.evaluation, self.examples) if self.writes else ():
            with suppress(OSError):
                path.unlink(missing_ok=True)

    @property
    def examples(self) -> Path:
        """A picture of what the trained network does."""
        return self.path / "examples.png"

    @property
    def images(self) -> Path:
        """A folder with pictures of some held-out images."""
        return self.path / "images"

    @property
    def tensorboard(self) -> Path:
        """A folder that TensorBoard reads, of a run that was asked for it."""
        return self.path / "tensorboard"

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is something to go on from."""
        files = (self.last, previous_path(self.last), self.best)
        return any(path.exists() for path in files)

    @property
    def has_nothing(self) -> bool:
        """Whether a run that began here saved nothing: all that is there is its own and empty."""
        names = {path.name for path in self.path.iterdir()} - {OF_RUN}
        return not any(name for name in names if not fnmatch(name, temporary.PATTERN))

    def load_newest(self) -> tuple[dict[str, Any], str]:
        """The latest checkpoint that is whole, and a warning if it is not ``last.pkl``; else "".

        Raises:
            CheckpointError: there is none; tells about ``last.pkl``.
        """
        return load_newest(self.last, (previous_path(self.last), self.best))

    @property
    def diverged(self) -> Path:
        """The step in which training stopped being finite."""
        return self.path / "diverged.pkl"

    @property
    def returning(self) -> Path:
        """The start of the epoch in work, of a run that may go back."""
        return self.path / "return.pkl"

    @property
    def start(self) -> Path:
        """The start of a run that may go back."""
        return self.path / "start.pkl"

    @property
    def statistics(self) -> Path:
        """Each layer's figures, a line for each epoch."""
        return self.path / "statistics.jsonl"

    def save_last(self, content: Mapping[str, Any]) -> None:
        """Write ``last.pkl``, keeping the one before it as ``last.previous.pkl``."""
        self._save(self.last, content, keep_previous=True)

    def replace_last(self, content: Mapping[str, Any]) -> None:
        """Write ``last.pkl`` in the place of one that is of no use."""
        self._save(self.last, content)

    def save_best(self, content: Mapping[str, Any]) -> None:
        """Write ``best.pkl``."""
        self._save(self.best, content)

    def save_returning(self, content: Mapping[str, Any]) -> None:
        """Write ``return.pkl``."""
        self._save(self.returning, content)

    def save_start(self, content: Mapping[str, Any]) -> None:
        """Write ``start.pkl``."""
        self._save(self.start, content)

    def save_diverged(self, content: Mapping[str, Any]) -> None:
        """Write ``diverged.pkl``, keeping the one before it as ``diverged.previous.pkl``."""
        self._save(self.diverged, content, keep_previous=True)

    def write_statistics(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write ``statistics.jsonl``: a line for each epoch, and one for the start."""
        self._write(self.statistics, "".join(to_json(line) + "\n" for line in lines))

    def write_architecture(self, text: str) -> None:
        """Write ``architecture.toml``, the resolved architecture."""
        self._write(self.path / "architecture.toml", text)

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        """Write ``environment.json``."""
        self._write(self.path / "environment.json", to_json(environment, indent=2) + "\n")

    def read_environment(self) -> dict[str, Any]:
        """What ``environment.json`` says; nothing where it cannot be read."""
        with suppress(OSError, ValueError, RecursionError):
            content = json.loads(read_regular(self.path / "environment.json"))
            if isinstance(content, dict):
                return content
        return {}

    def write_data(self, record: DataRecord) -> None:
        """Write ``data.json``: the images trained on and held out."""
        self._write(self.path / "data.json", to_json(record.to_plain(), indent=2) + "\n")

    def write_metrics(self, metrics: Iterable[Mapping[str, Any]]) -> None:
        """Write ``metrics.jsonl``: a line for each epoch."""
        lines = "".join(to_json(line) + "\n" for line in metrics)
        self._write(self.path / "metrics.jsonl", lines)

    def write_evaluation(self, evaluation: Mapping[str, Any]) -> None:
        """Write ``evaluation.json``."""
        self._write(self.evaluation, to_json(evaluation, indent=2) + "\n")

    def _save(self, path: Path, content: Mapping[str, Any], keep_previous: bool = False) -> None:
        if self.writes:
            save_checkpoint(path, content, keep_previous)

    def _write(self, path: Path, text: str) -> None:
        if self.writes:
            write_text(path, text)


def new_run_directory(
    out: Path | None, name: str, now: datetime, parent: str = RUNS
) -> RunDirectory:
    """Make the folder of a new run.

    Args:
        out: where; ``runs/<name>-<time>`` in the working directory unless given.
        name: of the architecture.
        now: the time.
        parent: what is made in the place of ``runs``.

    Raises:
        UsageError: ``out`` exists and is not an empty folder, or cannot be made.
    """
    try:
        if out is None:
            return RunDirectory(_fresh(Path(parent) / f"{name}-{now:%Y%m%d-%H%M%S}"))
        if out.exists() and not (out.is_dir() and RunDirectory(out).has_nothing):
            resumable = RunDirectory(out).has_checkpoint
            resume = ", or --resume to go on with this run" if resumable else ""
            raise UsageError(f"--out {out}: already there. Use another folder{resume}.")
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        where = out or Path(parent)
        raise UsageError(f"--out {where}: cannot be made: {error.strerror}.") from error
    return RunDirectory(out)


def existing_run_directory(out: Path | None, name: str) -> RunDirectory:
    """The folder of the run to go on with: ``out``, or the latest in ``runs`` of that name.

    ``out`` may be that of a run that was killed before it saved anything.

    Raises:
        CheckpointError: there is none, or it has no checkpoint.
    """
    if out is not None:
        directory = RunDirectory(out)
        if not (directory.has_checkpoint or (out.is_dir() and directory.has_nothing)):
            raise CheckpointError(f"{out}: no last.pkl to resume from. Use a run's folder.")
        return directory
    time = "-".join(["[0-9]" * 8, "[0-9]" * 6])  # not the runs of a name that begins like this one
    paths = Path(RUNS).glob(f"{name}-{time}*")
    runs = [run for path in paths if (run := RunDirectory(path)).has_checkpoint]
    if not runs:
        raise CheckpointError(f"{RUNS}: no run of {name!r} to resume. Name one with --out.")
    return max(runs, key=lambda run: run.path.stat().st_mtime)


def find_checkpoint(path: Path) -> tuple[Path, str]:
    """The checkpoint that a path names, and which of a run's weights it holds.

    Args:
        path: a checkpoint, or a run's folder: its ``best.pkl``, else its ``last.pkl``.

    Raises:
        CheckpointError: there is none.
    """
    if not path.is_dir():
        return path, path.stem
    for candidate in (RunDirectory(path).best, RunDirectory(path).last):
        if candidate.exists():
            return candidate, candidate.stem
    raise CheckpointError(f"{path}: no best.pkl or last.pkl in it. Use a run's folder.")


def _fresh(path: Path) -> Path:
    """Make the folder at ``path``, or at ``path-2`` and so on if it is already there."""
    candidate, number = path, 2
    while True:
        try:
            candidate.mkdir(parents=True)
        except FileExistsError:
            candidate = path.with_name(f"{path.name}-{number}")
            number += 1
        else:
            return candidate
