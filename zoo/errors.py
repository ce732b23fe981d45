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
    ├── DivergenceError       training that is no longer finite
    ├── RankError             processes of one run that differ, or one that is gone
    ├── ClusterError          a cluster that is gone in the middle of the work
    ├── ComparisonError       a benchmark or exported file that does not compute the same
    └── Stopped               SIGINT or SIGTERM arrived and the run has been saved

A message reads ``<where>: <what is wrong, with the value>. <what is allowed>`` on one line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LONGEST_ERROR = 1000  # characters of another library's or a plugin's message
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


class ZooError(Exception):
    """Base of every error a user or plugin author can cause or has to know about.

    Each argument is a line of the message. What is no printable character in it, as the name of a
    file may have, is escaped.
    """

    def __str__(self) -> str:
        return "\n".join(printable(str(line)) for line in self.args)


class UsageError(ZooError):
    """A command line that cannot be carried out."""


class ArgumentError(ZooError, ValueError):
    """Impossible arguments to a constructor, or parameters that do not go together.

    Attributes:
        parameter: the parameter at fault, so that a message can point at it; "" for several.
    """

    def __init__(self, message: str, parameter: str = "") -> None:
        super().__init__(message)
        self.parameter = parameter


class ShapeError(ZooError, ValueError):
    """A shape that does not fit the layer, loss or image it is given to."""


class BackwardError(ZooError):
    """``backward`` was called without a ``forward`` in training mode before it."""


class StateError(ZooError):
    """A state dict whose names or shapes differ from the model's."""


class PluginError(ZooError):
    """A plugin, or an entry of a plugin, that cannot be used."""


class EscapeError(Exception):
    """A plugin raised what is no Exception, such as SystemExit or a panic of Rust; it has that."""


class DataError(ZooError):
    """Images or pairs that are missing, unreadable or unsuitable; names the file."""


class CheckpointError(ZooError):
    """A checkpoint that is missing, damaged or does not belong to this run."""


class WriteError(ZooError):
    """A file that cannot be written: a full disk, a folder that is gone or not writable."""


class DivergenceError(ZooError):
    """Training stopped because a loss, gradient or weight is no longer a finite number.

    Attributes:
        bundle: the file in which the step is kept; "" where there is none.
        lr: a learning rate to try; None where another one would not help.
        go_on_from: the checkpoint that can be gone on from, "" where none can, its step, and the
            largest weight in the latest one.
    """

    def __init__(
        self,
        *lines: str,
        bundle: str = "",
        lr: float | None = None,
        go_on_from: tuple[str, int, float] = ("", 0, 0.0),
    ) -> None:
        super().__init__(*lines)
        self.bundle = bundle
        self.lr = lr
        self.go_on_from = go_on_from


class RankError(ZooError):
    """Processes of one run that differ, or one that is gone or does not answer; names its rank."""


class ClusterError(ZooError):
    """A cluster that is gone in the middle of the work."""


class ComparisonError(ZooError):
    """A benchmark or an exported file was refused: its sides do not compute the same."""


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
        line, column: where it stands, from 1, in characters; None where there are no lines.
        hint: a suggestion ("Did you mean ...?"), who uses the value, or "".
        subject: what the message is about; None for the path, "" where the message says it.
        excerpt: the line of the file, or "".
    """

    file: str
    path: tuple[str | int, ...]
    message: str
    line: int | None = None
    column: int | None = None
    hint: str = ""
    subject: str | None = None
    excerpt: str = ""

    @property
    def text(self) -> str:
        """The message with its subject and hint."""
        subject = format_path(self.path) if self.subject is None else self.subject
        words = f"{subject}: {self.message}" if subject else self.message
        return f"{words} {self.hint}" if self.hint else words

    def __str__(self) -> str:
        position = "".join(f":{number}" for number in (self.line, self.column) if number)
        return printable(f"{self.file}{position}: {self.text}")


class ArchitectureError(ZooError):
    """An architecture file with one or more mistakes; ``str()`` has one line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(*map(str, self.problems))


def format_path(path: Iterable[str | int]) -> str:
    """``("layers", 2, "stride")`` as ``layers[2].stride``; indices count from 0.

    A key that TOML has in quotes is in quotes.
    """
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            written = key if BARE_KEY.fullmatch(key) else quoted(key)
            text += f".{written}" if text else written
    return text


def format_value(value: Any) -> str:
    """A value as it is written in TOML, shortened where it is long."""
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = quoted(value)
    elif isinstance(value, Mapping):
        pairs = (f"{format_path([str(key)])} = {format_value(value[key])}" for key in value)
        text = "{" + ", ".join(pairs) + "}"
    elif isinstance(value, list):
        text = "[" + ", ".join(map(format_value, value)) + "]"
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        text = "an integer of more than 64 bits"
    else:
        text = printable(str(value))
    return shorten(text)


def format_error(error: BaseException) -> str:
    """An exception in one line: zoo's own by its message, any other as a traceback ends."""
    kind = type(error)  # what a plugin's error says of itself may be anything, or raise
    if issubclass(kind, EscapeError):
        return format_error(error.args[0])
    name = vars(type)["__name__"].__get__(kind)
    try:
        if issubclass(kind, ZooError):
            return str(error)
        message = " ".join(str(error).split()).rstrip(".")
    except KeyboardInterrupt:
        raise
    except BaseException:  # one of a plugin need not know what to say, and may raise anything
        message = ""
    return printable(shorten(f"{name}: {message}" if message else name, LONGEST_ERROR))


def shorten(text: str, limit: int = 60) -> str:
    """Text of at most ``limit`` characters: the end of a longer one is left out."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def first_of(items: Sequence[str], shown: int = 3, separator: str = ", ") -> str:
    """The first of a list, and how many more there are: ``a, b, c and 4 more``."""
    more = f" and {len(items) - shown:,} more" if len(items) > shown else ""
    return separator.join(items[:shown]) + more


def listed(names: Iterable[str]) -> str:
    """The first of some files' names, printable, and how many more there are."""
    return first_of([printable(name) for name in names])


def quoted(text: str) -> str:
    """Text as TOML has it in quotes, on one line that can be printed."""
    return printable(json.dumps(text, ensure_ascii=False))


def printable(text: str) -> str:
    """Text with an escape of TOML in the place of each character that cannot be printed."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escape(ord(char)) for char in text)


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
