"""The folder of one run: what is in it, and that nothing in it is ever lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from zoo.data.record import DataRecord
from zoo.errors import CheckpointError, UsageError
from zoo.files import to_json, write_text
from zoo.train.checkpoint import previous_path, save_checkpoint


@dataclass(frozen=True)
class RunDirectory:
    """Paths and writers; every file is written atomically."""

    path: Path

    @property
    def last(self) -> Path:
        """The latest checkpoint."""
        return self.path / "last.pkl"

    @property
    def best(self) -> Path:
        """The checkpoint of the best validation PSNR."""
        return self.path / "best.pkl"

    def save_last(self, content: Mapping[str, Any]) -> None:
        """Write ``last.pkl``, keeping the one before it as ``last.previous.pkl``."""
        save_checkpoint(self.last, content, keep_previous=True)

    def save_best(self, content: Mapping[str, Any]) -> None:
        """Write ``best.pkl``."""
        save_checkpoint(self.best, content)

    def write_architecture(self, text: str) -> None:
        """Write ``architecture.toml``, the resolved architecture."""
        write_text(self.path / "architecture.toml", text)

    def write_environment(self, environment: Mapping[str, Any]) -> None:
        """Write ``environment.json``."""
        write_text(self.path / "environment.json", to_json(environment, indent=2) + "\n")

    def write_data(self, record: DataRecord) -> None:
        """Write ``data.json``: the images trained on and held out."""
        write_text(self.path / "data.json", to_json(record.to_plain(), indent=2) + "\n")

    def write_metrics(self, metrics: Iterable[Mapping[str, Any]]) -> None:
        """Write ``metrics.jsonl``: a line for each epoch."""
        lines = "".join(to_json(line) + "\n" for line in metrics)
        write_text(self.path / "metrics.jsonl", lines)

    def write_evaluation(self, evaluation: Mapping[str, Any]) -> None:
        """Write ``evaluation.json``."""
        write_text(self.path / "evaluation.json", to_json(evaluation, indent=2) + "\n")


def new_run_directory(out: Path | None, name: str, now: datetime) -> RunDirectory:
    """Make the folder of a new run.

    Args:
        out: where; ``runs/<name>-<time>`` in the working directory unless given.
        name: of the architecture.
        now: the time.

    Raises:
        UsageError: ``out`` exists and is not an empty folder, or cannot be made.
    """
    try:
        if out is None:
            return RunDirectory(_fresh(Path("runs") / f"{name}-{now:%Y%m%d-%H%M%S}"))
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            resumable = _has_checkpoint(RunDirectory(out))
            resume = ", or --resume to go on with this run" if resumable else ""
            raise UsageError(f"--out {out}: already there. Use another folder{resume}.")
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        where = out or Path("runs")
        raise UsageError(f"--out {where}: cannot be made: {error.strerror}.") from error
    return RunDirectory(out)


def existing_run_directory(out: Path | None, name: str) -> RunDirectory:
    """The folder of the run to go on with: ``out``, or the latest in ``runs`` of that name.

    Raises:
        CheckpointError: there is none, or it has no checkpoint.
    """
    if out is not None:
        directory = RunDirectory(out)
        if not _has_checkpoint(directory):
            raise CheckpointError(f"{out}: no last.pkl to resume from. Use a run's folder.")
        return directory
    time = "-".join(["[0-9]" * 8, "[0-9]" * 6])  # not the runs of a name that begins like this one
    paths = Path("runs").glob(f"{name}-{time}*")
    runs = [run for path in paths if _has_checkpoint(run := RunDirectory(path))]
    if not runs:
        raise CheckpointError(f"runs: no run of {name!r} to resume. Name one with --out.")
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


def _has_checkpoint(run: RunDirectory) -> bool:
    return run.last.exists() or previous_path(run.last).exists()


def _fresh(path: Path) -> Path:
    """Make the folder at ``path``, or at ``path-2`` and so on if it is already there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    candidate, number = path, 2
    while True:
        try:
            candidate.mkdir()
        except FileExistsError:
            candidate = path.with_name(f"{path.name}-{number}")
            number += 1
        else:
            return candidate
