"""A run's folder, read: what is there, and what is missing or damaged, in words.

A run may be from anybody and may still be going on, so that nothing in its files is relied on:
each value is taken only if it is of its type, sizes are bounded, and no file is followed elsewhere.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import tomli

from zoo.architecture import Architecture, parse_resolved
from zoo.errors import ArchitectureError, CheckpointError, PluginError, format_error, printable
from zoo.files import open_regular, read_regular
from zoo.locks import OF_RUN, holder_lives
from zoo.plugins.registry import Registry
from zoo.report.diverged import Diverged, read_diverged
from zoo.report.inside import inside
from zoo.report.lines import Epoch, Moment
from zoo.report.pictures import Picture, read_pictures
from zoo.report.plain import at, count, is_shallow, table, text

T = TypeVar("T")

MOST_BYTES = 2**26  # of a file with a line for each epoch
MOST_LINE = 2**20  # bytes of one
MOST_LINES = 10_000
KNOWN = ("architecture.toml", "metrics.jsonl", "last.pkl", "best.pkl", "diverged.pkl", OF_RUN)


@dataclass(frozen=True)
class RunFiles:
    """What a run's folder has.

    Attributes:
        path: the folder.
        name: the folder's, printable.
        written: when its latest result was, ``2026-01-31 12:00``; "" where that is not known.
        architecture: of the run; None where it is missing or cannot be read.
        resolved, toml: ``architecture.toml`` as it stands, without being checked: what is in it,
            and its text.
        epochs: the lines of ``metrics.jsonl``.
        moments: the lines of ``statistics.jsonl``.
        evaluation, environment, data: the tables of these files; empty where they are missing.
        pictures: those of ``images/``, with what is said of them.
        diverged: the step in which the run stopped being finite; None where there is none.
        training: whether a process trains in the folder, as far as that can be known.
        missing: a sentence for each file that is missing or damaged.
    """

    path: Path
    name: str
    written: str
    architecture: Architecture | None
    resolved: Mapping[str, Any]
    toml: str
    epochs: Sequence[Epoch]
    moments: Sequence[Moment]
    evaluation: Mapping[str, Any]
    environment: Mapping[str, Any]
    data: Mapping[str, Any]
    pictures: Sequence[Picture]
    diverged: Diverged | None
    training: bool
    missing: Sequence[str]

    @property
    def title(self) -> str:
        """What the run is called: the architecture's name, or else the folder's."""
        return text(self.resolved.get("name")) or self.name

    @property
    def wanted_epochs(self) -> int:
        """How many epochs the run is to have; 0 where that is not known."""
        return count(at(self.resolved, "train", "epochs"))

    @property
    def pixels(self) -> int:
        """Of a training crop, which multiply-adds are counted for."""
        if self.architecture is None:
            return 1
        return self.architecture.input.height * self.architecture.input.width

    @property
    def latest(self) -> int:
        """How many epochs are finished."""
        return self.epochs[-1].epoch if self.epochs else 0

    @property
    def best_psnr(self) -> float:
        """The highest of the validations, in dB; NaN where none was measured."""
        known = (it.val_psnr for it in self.epochs if math.isfinite(it.val_psnr))
        return max(known, default=math.nan)

    @property
    def best_epoch(self) -> int:
        """The first with the highest PSNR of its validation; 0 where none was measured."""
        known = [epoch for epoch in self.epochs if math.isfinite(epoch.val_psnr)]
        return max(known, key=lambda it: it.val_psnr).epoch if known else 0

    @property
    def state(self) -> str:
        """How far it is: finished, training, diverged, stopped, trained or begun."""
        if self.training:
            return "training"
        if self.diverged is not None and not self._went_on:
            return "diverged"
        if self.evaluation:
            return "finished"
        if not self.epochs:
            return "begun"
        return "stopped" if self.epochs[-1].epoch < self.wanted_epochs else "trained"

    @property
    def _went_on(self) -> bool:
        """Whether steps were taken after the one that was not finite."""
        assert self.diverged is not None
        last = self.epochs[-1].step if self.epochs else 0
        return bool(self.evaluation) or last >= self.diverged.step > 0


def read_run(path: Path, registry: Registry) -> RunFiles:
    """Read the folder of a run.

    Args:
        path: the folder.
        registry: what is installed, for the architecture's layers.

    Raises:
        CheckpointError: it is no run's.
    """
    if not path.is_dir():
        raise CheckpointError(f"{path}: no such folder. Use a run's folder.")
    if not any((path / name).exists() for name in KNOWN):
        raise CheckpointError(
            f"{path}: no architecture.toml or metrics.jsonl in it. Use a run's folder."
        )
    missing: list[str] = []
    architecture, resolved, toml = _architecture(path, registry, missing)
    lock = path / OF_RUN
    return RunFiles(
        path=path,
        name=printable(path.resolve().name) or "run",
        written=_written(path),
        architecture=architecture,
        resolved=resolved,
        toml=toml,
        epochs=_lines(path / "metrics.jsonl", Epoch.from_plain, missing),
        moments=_lines(path / "statistics.jsonl", Moment.from_plain, missing),
        evaluation=_table(path / "evaluation.json", missing),
        environment=_table(path / "environment.json", missing),
        data=_table(path / "data.json", missing),
        pictures=_pictures(path, missing),
        diverged=_diverged(path),
        training=lock.is_file() and holder_lives(lock),
        missing=tuple(missing),
    )


def _written(path: Path) -> str:
    """The time of the latest of the files with results."""
    for name in ("evaluation.json", "metrics.jsonl", "architecture.toml"):
        with suppress(OSError, ValueError, OverflowError):
            time = (path / name).stat().st_mtime
            return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M")
    return ""


def read_epochs(path: Path) -> Sequence[Epoch]:
    """The epochs in the folder of a run; none where they cannot be read."""
    return _lines(path / "metrics.jsonl", Epoch.from_plain, [])


def read_environment(path: Path) -> Mapping[str, Any]:
    """``environment.json`` in the folder of a run; empty where it cannot be read."""
    return _table(path / "environment.json", [])


def _architecture(
    path: Path, registry: Registry, missing: list[str]
) -> tuple[Architecture | None, Mapping[str, Any], str]:
    file = path / "architecture.toml"
    content = _content(file, missing)
    if content is None:
        return None, {}, ""
    try:
        words = content.decode("utf-8")
        resolved = tomli.loads(words)
        if not is_shallow(resolved):
            raise ValueError("nested too deeply")
    except (ValueError, RecursionError) as error:
        missing.append(f"architecture.toml is damaged: {format_error(error)}.")
        return None, {}, ""
    try:
        return parse_resolved(words, registry, "architecture.toml"), resolved, words
    except (ArchitectureError, PluginError) as error:
        first, *more = str(error).splitlines()
        others = f" There are {len(more)} more problems." if more else ""
        missing.append(f"The architecture cannot be drawn: {first}{others}")
        return None, resolved, words


def _pictures(path: Path, missing: list[str]) -> Sequence[Picture]:
    try:
        return read_pictures(inside(path / "images"), missing)
    except OSError as error:
        missing.append(f"images cannot be read: {error.strerror}.")
        return ()


def _diverged(path: Path) -> Diverged | None:
    try:
        return read_diverged(inside(path / "diverged.pkl"))
    except OSError:  # the run has diverged; how, is elsewhere
        return Diverged()


def _content(file: Path, missing: list[str]) -> bytes | None:
    try:
        return read_regular(inside(file))
    except FileNotFoundError:
        missing.append(f"There is no {file.name}.")
    except OSError as error:
        missing.append(f"{file.name} cannot be read: {error.strerror or error}.")
    return None


def _table(file: Path, missing: list[str]) -> Mapping[str, Any]:
    content = _content(file, missing)
    if content is None:
        return {}
    try:
        found = table(json.loads(content))
    except (ValueError, RecursionError):
        found = {}
    if not found or not is_shallow(found):
        missing.append(f"{file.name} is damaged.")
        return {}
    return found


def _lines(
    file: Path, of: Callable[[Mapping[str, Any]], T | None], missing: list[str]
) -> Sequence[T]:
    found: list[T] = []
    try:
        for number, line in _numbered(inside(file)):
            value = None
            with suppress(ValueError, RecursionError):
                read = json.loads(line)
                value = of(table(read)) if is_shallow(read) else None
            if value is None:
                missing.append(
                    f"Line {number} of {file.name} is damaged: those before it are shown."
                )
                break
            found.append(value)
            if len(found) == MOST_LINES:
                missing.append(
                    f"{file.name} has more than {MOST_LINES:,} lines: the first are shown."
                )
                break
    except FileNotFoundError:
        missing.append(f"There is no {file.name}.")
    except OSError as error:
        missing.append(f"{file.name} cannot be read: {error.strerror or error}.")
    return tuple(found)


def _numbered(file: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, with their numbers; a part of one that is too long."""
    left = MOST_BYTES
    with open_regular(file) as stream:
        for number in itertools.count(1):
            line = stream.readline(MOST_LINE)
            left -= len(line) + 1
            if not line or left < 0:
                return
            if line.strip():
                yield number, line
