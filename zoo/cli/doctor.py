"""``zoo doctor``: what a bug report needs, and whether zoo works here."""

from __future__ import annotations

import textwrap

import click
from rich.console import Console

from zoo.cli.console import count_of, print_json
from zoo.cli.options import json_option
from zoo.doctor.report import PROBLEM, Finding, Report, Section
from zoo.errors import printable

COLOURS = {"ok": "green", "problem": "red", "absent": None}
STATE_WIDTH = max(map(len, COLOURS)) + 2
WIDEST_NAME = 24


@click.command()
@json_option
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> None:
    """Say what zoo runs on and whether it works: put the output in a bug report.

    Versions, system, devices, optional parts, plugins, models, data, environment variables, and a
    check of the fast code against the textbook's. Exit code 1 if zoo cannot be used here.
    """
    from zoo.doctor.examination import examine

    report = examine()
    if as_json:
        print_json(report.to_dict())
    else:
        _print(report)
    ctx.exit(0 if report.usable else 1)


def _print(report: Report) -> None:
    width = max(40, Console().width)
    names = [len(finding.name) for finding in report.findings]
    indent = STATE_WIDTH + min(max(names), WIDEST_NAME) + 2
    for section in report.sections:
        _print_section(section, width, indent)
    found = count_of("problem", report.problems) if report.problems else "No problem"
    click.echo(f"{found}. zoo {'can' if report.usable else 'cannot'} be used here.")


def _print_section(section: Section, width: int, indent: int) -> None:
    click.echo(click.style(section.title, bold=True))
    for finding in section.findings:
        state = click.style(finding.state.ljust(STATE_WIDTH), fg=COLOURS[finding.state])
        name = finding.name.ljust(indent - STATE_WIDTH - 2)
        first, *others = _lines(finding, width - indent)
        click.echo(f"{state}{name}  {first}".rstrip())
        for line in others:
            click.echo(" " * indent + line)
    click.echo()


def _lines(finding: Finding, width: int) -> list[str]:
    """What was found and, for a problem on lines of its own, what to do about it."""
    advice = [finding.advice] if finding.advice else []
    if finding.state == PROBLEM:
        texts = [finding.text, *advice]
    else:
        texts = [". ".join([finding.text, *advice])]
    wrapper = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)
    return [line for text in texts for line in wrapper.wrap(printable(text)) or [""]]
