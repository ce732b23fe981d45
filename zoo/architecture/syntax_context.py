"""A text that is not TOML, read up to the place where tomli stopped.

tomli says where it had to stop, but of what it was in the middle of, only a few words that differ
between its versions. The scanner of :mod:`zoo.architecture.positions` finds it out.
"""

from __future__ import annotations

from zoo.architecture.positions import Position, Scanner, StuckError
from zoo.errors import printable, shorten


class SyntaxContext:
    """A text, and what the scanner knows when it comes to the place where tomli stopped.

    Attributes:
        text: all of it.
        at: offset of that place.
        next: the character there; "" at the end of the text.
        rest: from there to the end of the line, without a comment.
        line: number of that line, from 1.
        scanner: has read what is in front of ``at``.
        expected: what it needs next, as in :class:`StuckError`; "" between statements.
        start: where that is to begin; in front of ``at`` if it has begun and is not complete.
        opener: offset of the innermost bracket or brace that is open; -1 without one.

    Raises:
        ValueError: a key in front of ``at`` is not TOML; not where tomli says it stopped there.
        RecursionError: lists and inline tables are nested hundreds of levels deep.
    """

    def __init__(self, text: str, at: int) -> None:
        self.text = text
        self.at = at
        self.next = text[at : at + 1]
        self.rest = self.line_from(at).partition("#")[0].strip()
        self.line = text.count("\n", 0, at) + 1
        self.scanner = Scanner(text[:at])
        self.expected, self.start = "", at
        try:
            self.scanner.scan()
        except StuckError as stuck:
            self.expected, self.start = stuck.expected, stuck.at
        self.opener = self.scanner.opened[-1] if self.scanner.opened else -1

    @property
    def key(self) -> str:
        """The key read last, as it is written."""
        return excerpt(self.text[self.scanner.key.start : self.scanner.key.end])

    @property
    def value(self) -> Position:
        """The value, or header, that ended last."""
        mentions = self.scanner.mentions
        return mentions[-1].written.value if mentions else Position(0, 0)

    def line_from(self, at: int) -> str:
        """From an offset to the end of its line."""
        end = self.text.find("\n", at)
        return self.text[at : len(self.text) if end < 0 else end]


def excerpt(text: str, limit: int = 40) -> str:
    """Text for a message: what cannot be printed as TOML's escape, cut at ``limit`` characters."""
    return shorten(printable(text[: limit + 1]), limit)


def quoted_excerpt(text: str) -> str:
    """The same as a text of TOML."""
    escaped = text[:100].replace("\\", "\\\\").replace('"', '\\"')
    return f'"{excerpt(escaped)}"'
