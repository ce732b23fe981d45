"""The page that a command writes beside what it was asked for."""

from __future__ import annotations

from pathlib import Path

from zoo.cli.console import warn
from zoo.cli.streams import say
from zoo.errors import WriteError
from zoo.files import write_text

PAGE = "report.html"


def write_page(path: Path, page: str) -> None:
    """Write a page and say where it is; that it cannot be written is a warning."""
    try:
        write_text(path, page)
    except WriteError as error:
        warn(f"{error} There is no page.")
    else:
        say(f"page: {path}")
