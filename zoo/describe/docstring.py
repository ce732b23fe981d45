"""The parts of a docstring as zoo's layers have them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from textwrap import dedent
from typing import Final

SECTION: Final = re.compile(r"(Args|Shapes|Raises|Attributes|Returns|Yields|Source|Examples?):(.*)")

FORMULA: Final = re.compile(r"    |(?:forward|backward):")


@dataclass(frozen=True)
class Docstring:
    """A docstring in parts, each "" where it has none.

    Attributes:
        text: what comes before the first section.
        formulas: the lines of it that are indented, or start with "forward:" or "backward:".
        shapes: the section "Shapes".
        source: the section "Source": where the thing is from.
    """

    text: str
    formulas: str
    shapes: str
    source: str


def read_docstring(docstring: str) -> Docstring:
    """Split a docstring whose own indentation is removed."""
    sections: dict[str, list[str]] = {"": []}
    lines = sections[""]
    for line in _plain(docstring).splitlines():
        if found := SECTION.fullmatch(line):
            lines = sections.setdefault(found[1], [])
            line = f"    {found[2].strip()}"
        lines.append(line)
    parts = {name: dedent("\n".join(lines)).strip("\n ") for name, lines in sections.items()}
    formulas = [line for line in sections[""] if FORMULA.match(line)]
    return Docstring(
        text=parts[""],
        formulas=dedent("\n".join(formulas)),
        shapes=parts.get("Shapes", ""),
        source=parts.get("Source", ""),
    )


def _plain(text: str) -> str:
    """Without the marks of reStructuredText: roles, double backquotes and double colons."""
    text = re.sub(r":[a-z:]+:`~?([^`]*)`", r"\1", text)
    return re.sub(r"::$", ":", text.replace("``", ""), flags=re.MULTILINE)
