"""``zoo plugin check``: check an installed plugin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from textwrap import indent
from typing import TYPE_CHECKING, Any

import click

from zoo.cli.console import count_of, print_json
from zoo.cli.options import json_option
from zoo.cli.streams import say, say_lines, work_counts

if TYPE_CHECKING:
    from zoo.testing import Outcome


@click.command(short_help="Check an installed plugin.")
@click.argument("name")
@json_option
def check(name: str, as_json: bool) -> None:
    """Check all that the installed distribution NAME provides; zoo for the built-ins.

    Each entry, of any kind, goes through zoo's conformance kit with several sets of parameters:
    those that it declares, and others from its schema. Each is read from an architecture file,
    compiled and trained with for a step. Exit code 0 if all is right, 3 if
    something fails.
    """
    if not as_json:
        work_counts()  # its exit code says what was found
    import torch  # takes a second, which listing the commands should not

    from zoo.testing import prove

    torch.set_num_threads(1)  # the tensors are tiny: several would mostly wait for each other
    outcomes = _echoed(prove(name), quiet=as_json)
    if as_json:
        print_json(_as_json(name, outcomes))
    else:
        _echo_skipped(outcomes)
        say(f"{name}: {_counts(outcomes)}.")
    if any(outcome.state == "failed" for outcome in outcomes):
        raise click.exceptions.Exit(3)


def _echoed(outcomes: Iterable[Outcome], quiet: bool) -> list[Outcome]:
    """All outcomes, each entry's printed as soon as they are known."""
    found: list[Outcome] = []
    for subject, group in groupby(outcomes, key=lambda outcome: outcome.subject):
        of_subject = list(group)
        found += of_subject
        if not quiet:
            say(f"{subject}: {_counts(of_subject)}")
            for line in _failures(of_subject):
                say_lines(indent(line, "  "))
    return found


def _failures(outcomes: Iterable[Outcome]) -> Iterator[str]:
    """What failed, whether expected or not."""
    for outcome in outcomes:
        if outcome.state == "failed":
            first, *others = [line for line in outcome.message.splitlines() if line.strip()]
            yield "\n".join([f"{outcome.check} failed: {first}", *(f"  {it}" for it in others)])
        elif outcome.state == "expected":
            yield f"{outcome.check} failed as expected: {outcome.case}: {outcome.message}"


def _echo_skipped(outcomes: Iterable[Outcome]) -> None:
    """Why checks were skipped, each reason once."""
    skipped = (outcome for outcome in outcomes if outcome.state == "skipped")
    for (name, reason), count in Counter(
        (outcome.check, outcome.message) for outcome in skipped
    ).items():
        say(f"{name} skipped {count_of('time', count)}: {reason}")


def _counts(outcomes: Iterable[Outcome]) -> str:
    """``23 checks passed, 1 failed``."""
    counts: Counter[str] = Counter(outcome.state for outcome in outcomes)
    words = {"failed": "failed", "expected": "failed as expected", "skipped": "skipped"}
    others = [f"{counts[state]:,} {said}" for state, said in words.items() if counts[state]]
    return ", ".join([f"{count_of('check', counts['passed'])} passed", *others])


def _as_json(name: str, outcomes: Iterable[Outcome]) -> dict[str, Any]:
    outcomes = list(outcomes)
    entries = []
    for subject, group in groupby(outcomes, key=lambda outcome: outcome.subject):
        of_subject = list(group)
        entries.append(
            {
                "entry": subject,
                "passed": sum(outcome.state == "passed" for outcome in of_subject),
                **{
                    state: [
                        {"check": outcome.check, "case": outcome.case, "message": outcome.message}
                        for outcome in of_subject
                        if outcome.state == state
                    ]
                    for state in ("failed", "expected", "skipped")
                },
            }
        )
    right = not any(outcome.state == "failed" for outcome in outcomes)
    return {"distribution": name, "passed": right, "entries": entries}
