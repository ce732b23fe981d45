"""``zoo layers`` and its siblings: what can be written in a file, and who provides it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill, indent

import click
from rich.table import Table

from zoo.cli.console import cell, print_json, print_table, warn, warn_of_failures
from zoo.cli.options import json_option
from zoo.cli.streams import say_lines
from zoo.describe import Definition, Details, details, summary
from zoo.errors import PluginError, UsageError
from zoo.plugins.records import BLOCK
from zoo.plugins.registry import Registered, Registry, load_registry
from zoo.plugins.suggestions import unknown_name
from zoo.spec.schemas import read_schema

WIDTH = 80


def _command(kind: str, plural: str, what: str) -> click.Command:
    """The command that lists the entries of a kind."""

    @click.command(plural)
    @click.argument("name", required=False)
    @json_option
    def command(name: str | None, as_json: bool) -> None:
        registry = load_registry()
        if name is None:
            warn_of_failures(registry)
            _list([registered for registered in registry if registered.entry.kind == kind], as_json)
        else:
            _show(_found(registry, kind, plural, name), registry, as_json)

    command.help = (
        f"List the {what}, with who provides them.\n\n"
        f"With NAME: how that one is written in a file, its parameters, and what it does."
    )
    return command


layers = _command("layer", "layers", "layers of a network")
losses = _command("loss", "losses", "losses that training can minimise")
optimizers = _command("optimizer", "optimizers", "optimizers, which update the parameters")
initializers = _command("initializer", "initializers", "initializers, which fill new parameters")
schedules = _command("schedule", "schedules", "schedules of the learning rate")
noises = _command("noise", "noises", "noises that can be added to clean images")
pairings = _command("pairing", "pairings", "pairings, which make input and target out of images")
sources = _command("source", "sources", "sources of images to train on")


def _found(registry: Registry, kind: str, plural: str, name: str) -> list[Registered]:
    """All entries of that name: more than one where plugins clash.

    Raises:
        UsageError: there is none.
    """
    found = [
        registered
        for registered in registry
        if (registered.entry.kind, registered.entry.name) == (kind, name)
    ]
    if found:
        return sorted(found, key=lambda registered: registered.provider)
    if (kind, name) == ("layer", BLOCK):
        keys = ", ".join(read_schema("block.json")["properties"])
        raise UsageError(
            f"zoo {plural}: 'block' is not a layer: it stands for those of [[blocks.NAME]]. "
            f"Its keys: {keys}."
        )
    problem = f"zoo {plural}: there is no {kind} {name!r}."
    names = registry.names(kind)
    raise UsageError(
        unknown_name(problem, name, names, plural.capitalize(), registry.failed_plugins())
    )


def _list(entries: list[Registered], as_json: bool) -> None:
    if as_json:
        print_json([summary(registered) for registered in entries])
        return
    table = Table(box=None, pad_edge=False, show_header=bool(entries))
    for title in ("name", "summary", "provided by"):
        table.add_column(title, no_wrap=title == "name")
    for registered in entries:
        cells = (registered.entry.name, registered.entry.summary, str(registered.provider))
        table.add_row(*map(cell, cells))
    print_table(table)


def _show(found: list[Registered], registry: Registry, as_json: bool) -> None:
    warn_of_failures(registry)
    clash = _clash(registry, found[0])
    if clash:
        warn(clash)
    all_details = [details(registered, registry) for registered in found]
    if as_json:
        first, *others = [described.to_dict() for described in all_details]
        document = {**first, "clash": clash, "others": others}
        print_json(document)
    else:
        say_lines("\n\n".join("\n".join(_lines(described)) for described in all_details))


def _clash(registry: Registry, registered: Registered) -> str | None:
    """What is wrong with a name that several plugins provide; None for other names."""
    try:
        registry.get(registered.entry.kind, registered.entry.name)
    except PluginError as error:
        return str(error)
    return None


def _lines(described: Details) -> Iterator[str]:
    entry = described.registered.entry
    yield f"{entry.name}: {entry.summary}"
    definition = described.definition
    where = f", {_position(definition)}" if definition else ""
    yield f"Provided by {described.registered.provider}{where}."
    yield from _section("In a file", described.example)
    if described.parameters:
        yield "\nParameters:"
    for parameter in described.parameters:
        yield f"  {parameter.name}: {parameter.type}; {parameter.unless_given}"
        if parameter.description:
            yield fill(
                parameter.description, WIDTH, initial_indent=" " * 6, subsequent_indent=" " * 6
            )
    yield from _prose("What it does", described.docstring.text)
    yield from _prose("Shapes", described.docstring.shapes)
    yield from _prose("Source", described.docstring.source)


def _section(title: str, text: str) -> Iterator[str]:
    if text:
        yield f"\n{title}:"
        yield indent(text, "  ")


def _prose(title: str, text: str) -> Iterator[str]:
    """A section of which paragraphs are filled."""
    if text:
        yield f"\n{title}:"
        yield "\n\n".join(map(_filled, text.split("\n\n")))


def _filled(paragraph: str) -> str:
    """A paragraph of sentences in lines that fit; a formula or a list as it is."""
    if re.search(r"^\s|^[-*=] |  ", paragraph, re.MULTILINE):
        return indent(paragraph, "  ")
    return fill(
        paragraph, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )


def _position(definition: Definition) -> str:
    """FILE:LINE, relative to the working folder where it is below it."""
    file, here = definition.file.resolve(), Path.cwd().resolve()
    path = file.relative_to(here) if file.is_relative_to(here) else file
    return f"{path}:{definition.line}"
