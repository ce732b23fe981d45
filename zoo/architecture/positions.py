"""Where each key and value of a TOML text is written.

tomli gives values without positions. :class:`Scanner` reads a text that tomli has accepted a second
time, for the positions alone. So it need not be strict, and it decides nothing that tomli decides.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterable
from typing import Literal, NamedTuple

import tomli

TomlPath = tuple[str | int, ...]
Form = Literal["value", "header", "headers", "dotted", "prefix"]
Expected = Literal["key", "=", "value", "]", "}", "header"]

# Each pattern is linear, also where it fails: no two of its parts can take the same character.
BASIC = r'"(?!"")[^"\\\n]*(?:\\.[^"\\\n]*)*"'
LITERAL = r"'(?!'')[^'\n]*'"
MULTILINE_BASIC = r'"""[^"\\]*(?:(?:\\[\s\S]|"(?!""))[^"\\]*)*""""{0,2}'
MULTILINE_LITERAL = r"'''[^']*(?:'(?!'')[^']*)*''''{0,2}"
BARE_VALUE = r"(?:[0-9]{4}-[0-9]{2}-[0-9]{2} )?[A-Za-z0-9_+.:-]+"  # a space before a date's time

MOST_PARTS = 100  # of a dotted key

BLANK = re.compile(r"[ \t]*")
GAP = re.compile(r"[ \t\n]*(?:#[^\n]*[ \t\n]*)*")
KEY = re.compile(rf"[A-Za-z0-9_-]+|{BASIC}|{LITERAL}")
SCALAR = re.compile(f"{MULTILINE_BASIC}|{MULTILINE_LITERAL}|{BASIC}|{LITERAL}|{BARE_VALUE}")


class Position(NamedTuple):
    """A part of a text, as offsets in characters.

    Attributes:
        start: offset of its first character, from 0.
        end: offset after its last character.
    """

    start: int
    end: int


class Written(NamedTuple):
    """Where one value is written.

    Attributes:
        key: the last part of its key, with its quotes; None for an item of a list and the document.
        value: what stands for the value. Of a scalar, list or inline table its literal; of a table
            or list of tables with a header the (first) header, brackets included; of a table that
            exists only because keys or headers go through it, the part that first names it.
    """

    key: Position | None
    value: Position


class Mention(NamedTuple):
    """One place where a path is named.

    Attributes:
        path: keys, and indices into lists, from the top of the document.
        written: where.
        form: ``value`` after an ``=`` or in a list, ``header`` for ``[table]``, ``headers`` for
            ``[[table]]``; a part that is gone through: ``dotted`` of a key, ``prefix`` of a header.
    """

    path: TomlPath
    written: Written
    form: Form


class LineStarts:
    """Where the lines of a text start, to find the line and column of many offsets."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def line_and_column(self, offset: int) -> tuple[int, int]:
        """(line, column) of the character at ``offset``, each from 1; columns count code points."""
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


def normalised(text: str) -> str:
    r"""The text to give to tomli and to :func:`index`: no byte order mark, lines end in ``\n``.

    ``\r\r\n`` stays, so that tomli refuses it, as it does in the text itself.
    """
    return re.sub("(?<!\r)\r\n", "\n", text.removeprefix("\ufeff"))


def index(text: str) -> dict[TomlPath, Written]:
    """Where everything in a document is written, by its path; ``()`` is the document's start.

    Args:
        text: TOML that tomli accepts, after :func:`normalised`.

    Raises:
        RecursionError: lists and inline tables are nested hundreds of levels deep, or a key has
            more than ``MOST_PARTS`` parts.
    """
    scanner = Scanner(text, MOST_PARTS)
    scanner.scan()
    written: dict[TomlPath, Written] = {(): Written(None, Position(0, 0))}
    for mention in scanner.mentions:
        if mention.form in ("dotted", "prefix"):
            written.setdefault(mention.path, mention.written)
        else:
            written[mention.path] = mention.written
    return written


class StuckError(ValueError):
    """The text ends, or is not TOML, where the scanner needs something else.

    Attributes:
        expected: ``key`` or ``value``; ``=`` after a key; ``]`` or ``}`` (or a comma) after an
            item; ``header`` for the bracket that closes one.
        at: the offset.
    """

    def __init__(self, expected: Expected, at: int) -> None:
        super().__init__(f"expected {expected} at offset {at}")
        self.expected = expected
        self.at = at


class Scanner:
    """One pass over a TOML text, which collects what is named where.

    What it has when it gets stuck says how far it came, and inside of what.

    Args:
        text: what to read.
        most_parts: how many parts a dotted key may have; memory grows with their square.

    Attributes:
        mentions: what it has passed. A value comes after those inside it.
        opened: offsets of the brackets and braces that are open, outermost first.
        key: the whole key, all its parts, that it read last.
        statement: the key-value pair or header it read last, where that is complete.
    """

    def __init__(self, text: str, most_parts: float = math.inf) -> None:
        self.mentions: list[Mention] = []
        self.opened: list[int] = []
        self.key = Position(0, 0)
        self.statement = Position(0, 0)
        self._text = text
        self._most_parts = most_parts
        self._at = 0
        self._last: dict[TomlPath, int] = {}  # index of the last item of each list of tables

    def scan(self) -> None:
        """Read the whole text.

        Raises:
            StuckError: it is not TOML; never for text that tomli accepts.
            RecursionError: lists and inline tables are nested hundreds of levels deep, or a key has
                more than ``most_parts`` parts.
        """
        table: TomlPath = ()
        self._skip(GAP)
        while self._at < len(self._text):
            start = self._at
            if self._sees("["):
                table = self._header()
            else:
                self._pair(table)
            self.statement = Position(start, self._at)
            self._skip(GAP)

    def _header(self) -> TomlPath:
        """Read ``[table]`` or ``[[table]]``; returns the path of the keys below it."""
        start = self._at
        close = "]]" if self._sees("[[") else "]"
        self.opened.append(start)
        self._at += len(close)
        path: TomlPath = ()
        *parents, (name, key) = self._dotted_key()
        for parent, position in parents:
            path = (*path, parent)
            self._mention(path, position, position, "prefix")
            path = self._last_item(path)
        path = (*path, name)
        header = Position(start, self._at + len(close))
        if close == "]":
            self._mention(path, key, header, "header")
        else:
            if path not in self._last:
                self._mention(path, key, header, "headers")
            self._last[path] = self._last.get(path, -1) + 1
            path = self._last_item(path)
            self._mention(path, None, header, "header")
        self._expect(close, "header")
        self.opened.pop()
        return path

    def _last_item(self, path: TomlPath) -> TomlPath:
        """Where keys of ``path`` go: for a list of tables to its last item."""
        return (*path, self._last[path]) if path in self._last else path

    def _pair(self, path: TomlPath) -> None:
        """Read ``key = value`` in the table at ``path``."""
        *parents, (name, key) = self._dotted_key()
        for parent, position in parents:
            path = (*path, parent)
            self._mention(path, position, position, "dotted")
        self._expect("=", "=")
        self._skip(BLANK)
        self._value((*path, name), key)

    def _value(self, path: TomlPath, key: Position | None) -> None:
        start = self._at
        if self._sees("["):
            self.opened.append(start)
            for number in self._items("]"):
                self._value((*path, number), None)
        elif self._sees("{"):
            self.opened.append(start)
            for _ in self._items("}"):
                self._pair(path)
        else:
            self._take(SCALAR, "value")
        self._mention(path, key, Position(start, self._at), "value")

    def _items(self, close: Literal["]", "}"]) -> Iterable[int]:
        """Read brackets with commas between items; the caller reads the items, whose numbers come.

        A generator, so that nesting takes few frames of Python's stack.
        """
        self._at += 1
        number = 0
        while not self._sees(close, GAP):
            yield number
            number += 1
            if not self._sees(",", GAP):
                break
            self._at += 1
        self._expect(close, close, GAP)
        self.opened.pop()

    def _dotted_key(self) -> list[tuple[str, Position]]:
        """Read a key: each part and where it is. Blanks around it are skipped."""
        parts = []
        self._skip(BLANK)
        start = self._at
        while True:
            part = self._take(KEY, "key")
            parts.append((_decoded(self._text[part.start : part.end]), part))
            self.key = Position(start, self._at)
            if len(parts) > self._most_parts:
                raise RecursionError("a key of very many parts")
            if not self._sees(".", BLANK):
                return parts
            self._at += 1
            self._skip(BLANK)

    def _skip(self, pattern: re.Pattern[str]) -> None:
        """Go past ``pattern``, which may match nothing."""
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _sees(self, characters: str, after: re.Pattern[str] | None = None) -> bool:
        if after:
            self._skip(after)
        return self._text.startswith(characters, self._at)

    def _expect(
        self, characters: str, expected: Expected, after: re.Pattern[str] | None = None
    ) -> None:
        if not self._sees(characters, after):
            raise StuckError(expected, self._at)
        self._at += len(characters)

    def _take(self, pattern: re.Pattern[str], expected: Expected) -> Position:
        match = pattern.match(self._text, self._at)
        if not match:
            raise StuckError(expected, self._at)
        self._at = match.end()
        return Position(*match.span())

    def _mention(self, path: TomlPath, key: Position | None, value: Position, form: Form) -> None:
        self.mentions.append(Mention(path, Written(key, value), form))


def _decoded(key: str) -> str:
    """A part of a key without its quotes and escapes."""
    if key[0] not in "\"'":
        return key
    if "\\" not in key or key[0] == "'":
        return key[1:-1]
    return next(iter(tomli.loads(f"{key} = 0")))
