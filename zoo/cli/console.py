"""What commands print beside plain lines: tables, JSON and warnings."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Column, Table
from rich.text import Text

from zoo.cli.streams import say, streams
from zoo.errors import printable
from zoo.files import to_json
from zoo.plugins.registry import Registry

WIDEST = 10_000  # more columns than any table needs
FOLDED = 12  # letters of a column that folds


def print_table(table: Table) -> None:
    """Print to the standard output; without frame and in 80 columns where that is no terminal.

    A table that does not fit loses its frame on a terminal; there, columns whose overflow is to
    fold are then as narrow as it takes. One that still does not fit is printed wider: no other word
    is cut, and no cell of a column that does not wrap.
    """
    console = Console()
    if not console.is_terminal:
        table.box, table.pad_edge = None, False
    width, console.width = console.width, WIDEST
    for column in table.columns:
        if column.no_wrap:
            column.min_width = max(_measure(console, it).maximum for it in _cells(column))
    if (least := _least_width(console, table)) > width:
        table.box, table.pad_edge = None, False
        least = _least_width(console, table)
    console.width = max(width, least)
    with console.capture() as capture:
        console.print(table)
    lines = capture.get().splitlines()
    click.echo("\n".join(lines if console.is_terminal else map(str.rstrip, lines)))


def fits(table: Table) -> bool:
    """Whether the terminal shows a table with each cell in a line; True where there is none."""
    console = Console()
    width, console.width = console.width, WIDEST
    return not console.is_terminal or _measure(console, table).maximum <= width


def _least_width(console: Console, table: Table) -> int:
    """How wide a table is at least; on a terminal, columns that fold can be :data:`FOLDED`."""
    least = _measure(console, table).minimum
    if console.is_terminal:
        for column in table.columns:
            if column.overflow == "fold" and not column.no_wrap:
                longest = max(_measure(console, it).minimum for it in _cells(column))
                least -= max(0, longest - FOLDED)
    return least


def _measure(console: Console, what: RenderableType) -> Measurement:
    return Measurement.get(console, console.options, what)


def _cells(column: Column) -> list[RenderableType]:
    return [column.header, *column.cells]


def cell(text: str) -> Text:
    """A cell of a table: brackets are no markup, and nothing in it is obeyed by a terminal."""
    return Text(printable(text))


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row, its cells in columns as wide as they need; all but the first right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]


def print_json(value: Any) -> None:
    """Print JSON to the standard output; numbers that it cannot write (inf, nan) become null."""
    # A file's name may have bytes that are no UTF-8; JSON has an escape for each.
    content = to_json(value, indent=2).encode("utf-8", "backslashreplace")
    click.echo(content, file=streams().out)


def warn(message: str) -> None:
    """Print a warning to the standard error."""
    say(f"warning: {message}", err=True)


def warn_of_failures(registry: Registry) -> None:
    """Name the plugins that could not be used, and whatever is installed and broken."""
    for what in (*map(str, registry.broken), *registry.failed_plugins()):
        warn(what)


def shell_command(*words: str | Path) -> str:
    """A command that a shell understands as it is printed, whatever bytes its words have."""
    return " ".join(_shell_word(_no_option(word)) for word in words)


def _no_option(word: str | Path) -> str:
    """A path that is not taken for an option."""
    return f".{os.sep}{word}" if isinstance(word, Path) and f"{word}".startswith("-") else f"{word}"


def _shell_word(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    escaped = (
        char if char.isascii() and char.isprintable() and char not in "'\\" else _bytes(char)
        for char in word
    )
    return f"$'{''.join(escaped)}'"


def _bytes(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(char))


def count_of(noun: str, count: int) -> str:
    """``1 image`` or ``54 images``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
