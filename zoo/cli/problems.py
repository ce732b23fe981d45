"""Problems of architecture files on a terminal and as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import click
from rich.cells import cell_len

from zoo.errors import Problem

WIDEST_EXCERPT = 100


def problem_text(problem: Problem, terminal: bool) -> str:
    """``FILE:LINE:COLUMN: message``; on a terminal with the line of the file and a caret."""
    if not terminal or not problem.excerpt.strip() or not problem.column:
        return str(problem)
    start = max(0, problem.column - WIDEST_EXCERPT * 3 // 4)
    excerpt = problem.excerpt[start : start + WIDEST_EXCERPT]
    before = _printable(excerpt[: problem.column - 1 - start])
    margin = f"{problem.line:>5} | "
    where, _, message = str(problem).partition(": ")
    return "\n".join(
        [
            f"{click.style(where, bold=True)}: {message}",
            click.style(margin, dim=True) + _printable(excerpt).rstrip(),
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


def _printable(text: str) -> str:
    """Text whose width on a terminal is known: no tabs, no control characters."""
    return "".join(char if char.isprintable() else " " for char in text)
