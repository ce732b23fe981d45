"""An architecture file as a tree in which every value knows where it is written.

Everything between the text and the checked document works on this tree: what ``extends`` merges,
``--set`` replaces, variables and blocks put in place keeps the file, line and column it came from.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import tomli

from zoo.architecture.positions import LineStarts, Written, index, normalised
from zoo.architecture.syntax import syntax_problem
from zoo.errors import ArchitectureError, Problem, format_path

TomlPath = tuple[str | int, ...]

# The value of a node that could not be found out; the problem with it is reported already.
UNKNOWN: Final = object()

# Python refuses to read an integer of more digits.
FAR_TOO_LONG = re.compile(r"[0-9](_?[0-9]){4299,}")


@dataclass(frozen=True)
class File:
    """A text with values: an architecture file, or what was typed after ``--set``.

    Attributes:
        name: what to call it in messages: the file as the user named it.
        base: folder that the paths written in it are relative to.
        text: its content, lines ended by ``\\n``.
    """

    name: str
    base: Path
    text: str = field(repr=False)

    def line(self, number: int) -> str:
        """The line of that number, counted from 1; "" where there is none."""
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")


@dataclass(frozen=True)
class SourceLocation:
    """Where a key or a value is written.

    Attributes:
        file: the file it is in.
        path: keys and indices from the top of that file.
        line, column: from 1, in characters; None where the file has no lines.
        users: places that use the block or variable it belongs to, the nearest first.
    """

    file: File
    path: TomlPath
    line: int | None = None
    column: int | None = None
    users: tuple[SourceLocation, ...] = ()

    def problem(self, message: str, hint: str = "", subject: str | None = None) -> Problem:
        """A problem at this location; the arguments are :class:`Problem`'s."""
        used = ", by ".join(user._as_user(self.file) for user in self.users)
        return Problem(
            file=self.file.name,
            path=self.path,
            message=message,
            line=self.line,
            column=self.column,
            hint=" ".join(filter(None, [hint, f"Used by {used}." if used else ""])),
            subject=subject,
            excerpt=self.file.line(self.line or 0),
        )

    def _as_user(self, seen_from: File) -> str:
        line = f"line {self.line}" if self.file == seen_from else f"{self.file.name}:{self.line}"
        return f"{format_path(self.path)} in {line}"


@dataclass(frozen=True)
class Node:
    """A value and where it stands.

    Attributes:
        value: a TOML value, in which a table is a mapping from keys to nodes, a list a sequence of
            nodes; or ``UNKNOWN``.
        location: where the value is written; of a table its header.
        key: where its key is written; None for items of a list.
    """

    value: Any
    location: SourceLocation
    key: SourceLocation | None = None

    @property
    def table(self) -> Mapping[str, Node]:
        """The items of a table; empty for other values."""
        return self.value if isinstance(self.value, Mapping) else {}

    @property
    def items(self) -> Sequence[Node]:
        """The items of a list; empty for other values."""
        return self.value if isinstance(self.value, list) else ()

    def plain(self) -> Any:
        """The value as tomli would give it."""
        if isinstance(self.value, Mapping):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def nearest(self, path: TomlPath) -> Node:
        """The node at ``path``; where there is none, the innermost one on the way to it."""
        node = self
        for key in path:
            child = node.table.get(key) if isinstance(key, str) else node._item(key)
            if child is None:
                return node
            node = child
        return node

    def used_by(self, user: SourceLocation) -> Node:
        """The same value, marked as used by the block or variable at ``user``."""
        location = _used(self.location, user)
        key = self.key and _used(self.key, user)
        if isinstance(self.value, Mapping):
            table = {name: node.used_by(user) for name, node in self.value.items()}
            return Node(table, location, key)
        if isinstance(self.value, list):
            return Node([node.used_by(user) for node in self.value], location, key)
        return Node(self.value, location, key)

    def _item(self, position: int) -> Node | None:
        return self.items[position] if 0 <= position < len(self.items) else None


def parse(text: str, name: str, base: Path) -> Node:
    """The document in ``text``; the arguments are those of :class:`File`.

    Raises:
        ArchitectureError: it is not TOML.
        RecursionError: it is nested too deeply.
    """
    file = File(name, base, normalised(text))
    lines = LineStarts(file.text)
    try:  # first, because tomli's memory grows with the square of a key's parts
        written = index(file.text)
    except ValueError:  # no TOML: tomli stops there too, or before
        written = {}
    try:
        document = tomli.loads(file.text)
    except tomli.TOMLDecodeError as error:
        message, line, column = syntax_problem(file.text, error)
        problem = SourceLocation(file, (), line, column).problem(message)
        raise ArchitectureError([problem]) from error
    except ValueError as error:  # Python's limit for the digits of an integer
        found = FAR_TOO_LONG.search(file.text)
        location = SourceLocation(file, (), *lines.line_and_column(found.start() if found else 0))
        message = "has an integer of more than 64 bits. TOML's have 64."
        raise ArchitectureError([location.problem(message)]) from error
    return _Positions(file, written, lines).node(document, ())


def literal(value: Any, location: SourceLocation, key: SourceLocation | None = None) -> Node:
    """A value that was not read from a file, all of it at the line and column of ``location``."""
    if isinstance(value, Mapping):
        items = {name: _below(child, location, name) for name, child in value.items()}
        return Node(items, location, key)
    if isinstance(value, list):
        return Node([_below(child, location, i) for i, child in enumerate(value)], location, key)
    return Node(value, location, key)


def has_unknown(value: Any) -> bool:
    """Whether a plain value is, or has in it, what could not be found out."""
    if isinstance(value, Mapping):
        return any(map(has_unknown, value.values()))
    if isinstance(value, list):
        return any(map(has_unknown, value))
    return value is UNKNOWN


def _below(value: Any, location: SourceLocation, key: str | int) -> Node:
    below = replace(location, path=(*location.path, key))
    return literal(value, below, below if isinstance(key, str) else None)


@dataclass(frozen=True)
class _Positions:
    """Where the values of one file are written."""

    file: File
    written: Mapping[TomlPath, Written]
    lines: LineStarts

    def node(self, value: Any, path: TomlPath) -> Node:
        written = self.written[path]
        key = self._location(path, written.key.start) if written.key else None
        location = self._location(path, written.value.start)
        if isinstance(value, Mapping):
            items = {name: self.node(child, (*path, name)) for name, child in value.items()}
            return Node(items, location, key)
        if isinstance(value, list):
            nodes = [self.node(child, (*path, index)) for index, child in enumerate(value)]
            return Node(nodes, location, key)
        return Node(value, location, key)

    def _location(self, path: TomlPath, offset: int) -> SourceLocation:
        return SourceLocation(self.file, path, *self.lines.line_and_column(offset))


def _used(location: SourceLocation, user: SourceLocation) -> SourceLocation:
    return replace(location, users=(*location.users, user, *user.users))
