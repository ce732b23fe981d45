"""Every error zoo raises on purpose.

::

    ZooError
    ├── UsageError            a command line that cannot be carried out
    ├── ArchitectureError     an architecture file with mistakes (a tuple of Problem)
    ├── ArgumentError         impossible arguments to a constructor (also a ValueError)
    ├── ShapeError            a shape that does not fit (also a ValueError)
    ├── BackwardError         backward without the forward pass it goes back through
    ├── StateError            a state dict that does not fit
    ├── PluginError           a plugin that cannot be used
    ├── DataError             images that are missing, unreadable or unsuitable
    ├── CheckpointError       a checkpoint that is missing, damaged or foreign
    ├── WriteError            a file of a run that cannot be written
    ├── DivergenceError       a loss that is no longer finite
    └── Stopped               SIGINT or SIGTERM arrived and the run has been saved

A message reads ``<where>: <what is wrong, with the value>. <what is allowed>`` on one line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class ZooError(Exception):
    """Base of every error a user or plugin author can cause or has to know about."""


class UsageError(ZooError):
    """A command line that cannot be carried out."""


class ArgumentError(ZooError, ValueError):
    """Impossible arguments to a constructor."""


class ShapeError(ZooError, ValueError):
    """A shape that does not fit the layer, loss or image it is given to."""


class BackwardError(ZooError):
    """``backward`` was called without a ``forward`` in training mode before it."""


class StateError(ZooError):
    """A state dict whose names or shapes differ from the model's."""


class PluginError(ZooError):
    """A plugin, or an entry of a plugin, that cannot be used."""


class DataError(ZooError):
    """Images or pairs that are missing, unreadable or unsuitable; names the file."""


class CheckpointError(ZooError):
    """A checkpoint that is missing, damaged or does not belong to this run."""


class WriteError(ZooError):
    """A file that cannot be written: a full disk, a folder that is gone or not writable."""


class DivergenceError(ZooError):
    """Training stopped because the loss is no longer a finite number."""


class Stopped(ZooError):  # noqa: N818 - not a failure: the run is saved and can be resumed
    """A signal stopped the run after it was saved.

    Attributes:
        signal: the signal's number (2 for SIGINT, 15 for SIGTERM).
    """

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.signal = signal


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in an architecture file.

    Attributes:
        file: the file as the user named it.
        path: keys and indices from the top of the file: ``("layers", 2, "stride")``.
        message: what is wrong and what is allowed, one sentence each.
        line, column: where the value stands, from 1; None where it is not known.
        hint: a suggestion ("did you mean ...?"), or "".
    """

    file: str
    path: tuple[str | int, ...]
    message: str
    line: int | None = None
    column: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        position = "".join(f":{number}" for number in (self.line, self.column) if number)
        where = f"{self.file}{position}: {format_path(self.path)}".rstrip(": ")
        return f"{where}: {self.message}{' ' + self.hint if self.hint else ''}"


class ArchitectureError(ZooError):
    """An architecture file with one or more mistakes; ``str()`` has one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def format_path(path: Iterable[str | int]) -> str:
    """``("layers", 2, "stride")`` as ``layers[2].stride``; indices count from 0.

    A key that TOML has in quotes is in quotes.
    """
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            written = key if BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
            text += f".{written}" if text else written
    return text
