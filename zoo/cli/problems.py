"""Problems of architecture files on a terminal and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click
from rich.cells import cell_len, set_cell_size

from zoo.cli.wrapping import wrapped
from zoo.errors import Problem

# Cells on a terminal, of which most have 80 in a line: how many of a file's line are shown, and how
# many of these at most in front of the caret.
WIDEST_EXCERPT = 71
WIDEST_BEFORE = 50


def problem_text(problem: Problem, terminal: bool) -> str:
    """``FILE:LINE:COLUMN: message``; on a terminal with the line of the file and a caret."""
    if not terminal or not problem.excerpt.strip() or not problem.column:
        return wrapped(str(problem), sys.stderr)
    before, after = _around(_printable(problem.excerpt), problem.column - 1)
    margin = f"{problem.line:>5} | "
    where, _, message = wrapped(str(problem), sys.stderr).partition(": ")
    return "\n".join(
        [
            f"{click.style(where, bold=True)}: {message}",
            click.style(margin, dim=True) + (before + after).rstrip(),
            " " * (len(margin) + cell_len(before)) + click.style("^", fg="red", bold=True),
        ]
    )


def problem_json(problem: Problem) -> dict[str, Any]:
    """What an editor or CI reads; lines and columns count from 1, columns in characters."""
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "path": list(problem.path),
        "message": problem.text,
    }


def echo_problems(problems: Iterable[Problem]) -> None:
    """Print problems to the standard error."""
    terminal = sys.stderr.isatty()
    for problem in problems:
        click.echo(problem_text(problem, terminal), err=True)


def _around(line: str, position: int) -> tuple[str, str]:
    """What is shown of a line: before a position, and from it on."""
    before = line[max(0, position - WIDEST_BEFORE) : position]
    while cell_len(before) > WIDEST_BEFORE:  # characters that are two cells wide
        before = before[1:]
    room = WIDEST_EXCERPT - cell_len(before)
    return before, set_cell_size(line[position : position + room], room)


def _printable(text: str) -> str:
    """Text whose width on a terminal is known: no tabs, no control characters."""
    return "".join(char if char.isprintable() else " " for char in text)
