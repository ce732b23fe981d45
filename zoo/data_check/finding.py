"""One thing that was found out about a data set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

OK, NOTE, WARNING, ERROR = "ok", "note", "warning", "error"
LEVELS = (OK, NOTE, WARNING, ERROR)  # from the least harmful on


@dataclass(frozen=True)
class Finding:
    """What was found.

    Attributes:
        level: ``ok``; ``note``, worth knowing; ``warning``, costs quality; or ``error``, the data
            cannot be used like this.
        what: what was looked at, a word or two.
        figure: what was measured.
        meaning: what that means for training; may be "".
        advice: what to do; "" for nothing.
    """

    level: str
    what: str
    figure: str
    meaning: str = ""
    advice: str = ""

    def __str__(self) -> str:
        sentences = (f"{self.what}: {self.figure}", self.meaning, self.advice)
        return ". ".join(sentence for sentence in sentences if sentence)


def worst_level(findings: Iterable[Finding]) -> str:
    """The most harmful level among findings; ``ok`` for none."""
    return max((finding.level for finding in findings), key=LEVELS.index, default=OK)


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Errors, then warnings, in their order; what is less harmful is left out."""
    found = list(findings)
    return [it for level in (ERROR, WARNING) for it in found if it.level == level]


def signed(value: float) -> str:
    """A figure with its sign and two places, where 0 has no minus."""
    return f"{round(value, 2) + 0.0:+.2f}"
