"""Findings in sections, each gathered by itself: one that fails does not keep the others back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import format_error
from zoo.plugins.isolation import isolated

OK, PROBLEM, ABSENT = "ok", "problem", "absent"

PLEASE_REPORT = "Please report it, with all of this."


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what.
        text: what was found, for a person.
        value: the same for a program; None for the text.
        state: ``ok``, ``problem``, or ``absent`` for what is optional and not there.
        advice: what to do about it, "" for nothing.
        fatal: whether zoo cannot be used because of it.
    """

    name: str
    text: str
    value: Any = None
    state: str = OK
    advice: str = ""
    fatal: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "state": self.state,
            "value": self.text if self.value is None else self.value,
            "advice": self.advice,
            "fatal": self.fatal,
        }


@dataclass(frozen=True)
class Section:
    """Findings about one thing."""

    title: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Report:
    """All sections."""

    sections: tuple[Section, ...]

    @property
    def findings(self) -> list[Finding]:
        """Those of all sections."""
        return [finding for section in self.sections for finding in section.findings]

    @property
    def usable(self) -> bool:
        """Whether zoo can be used here."""
        return not any(finding.fatal for finding in self.findings)

    @property
    def problems(self) -> int:
        """How many there are."""
        return sum(finding.state == PROBLEM for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "usable": self.usable,
            "problems": self.problems,
            **{each.title: [it.to_dict() for it in each.findings] for each in self.sections},
        }


def problem(name: str, text: str, advice: str, *, fatal: bool = False) -> Finding:
    """A finding that somebody should do something about."""
    return Finding(name, text, None, PROBLEM, advice, fatal)


def gather(sections: Mapping[str, Callable[[], Iterable[Finding]]], fatal: Iterable[str]) -> Report:
    """Look at everything.

    Args:
        sections: what finds the findings, by the title.
        fatal: titles of sections without which zoo cannot be used: one that fails is fatal.
    """
    needed = set(fatal)
    return Report(
        tuple(
            Section(title, tuple(_findings(title, find, title in needed)))
            for title, find in sections.items()
        )
    )


def _findings(title: str, find: Callable[[], Iterable[Finding]], fatal: bool) -> list[Finding]:
    findings: list[Finding] = []
    try:
        with isolated():
            findings.extend(find())  # keeps those before a failure
    except Exception as error:  # whatever a broken library raises
        advice = "What it is about is broken, or zoo is. " + PLEASE_REPORT
        findings.append(problem(title, format_error(error), advice, fatal=fatal))
    return findings
