"""``zoo models``: trained models that are installed, and their cards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from zoo.cli.console import cell, print_json, print_table, warn, warn_of_failures
from zoo.cli.options import json_option
from zoo.cli.streams import say, say_lines
from zoo.describe.model_card import ModelCard, read_card
from zoo.errors import PluginError, UsageError
from zoo.plugins.registry import InstalledModel, Registry, load_registry
from zoo.plugins.suggestions import unknown_name

CARD_WIDTH = 80


@click.command()
@click.argument("name", required=False)
@json_option
def models(name: str | None, as_json: bool) -> None:
    """List the installed trained models, with who provides them.

    With NAME its card: what it is for and what not, its figures, what it was trained on, licence.
    """
    registry = load_registry()
    warn_of_failures(registry)
    if name is None:
        _list(registry, as_json)
    else:
        _show(_found(registry, name), as_json)


def _found(registry: Registry, name: str) -> InstalledModel:
    """The model of that name.

    Raises:
        UsageError: there is none.
        PluginError: several plugins provide it.
    """
    try:
        return registry.model(name)
    except KeyError:
        pass
    names = sorted({model.entry.name for model in registry.models})
    problem = f"zoo models: there is no model {name!r}."
    raise UsageError(unknown_name(problem, name, names, "Models", registry.failed_plugins()))


def _list(registry: Registry, as_json: bool) -> None:
    if as_json:
        print_json([_summary(model, _card(model)) for model in registry.models])
    elif registry.models:
        print_table(_table(registry.models))
    else:
        say("No trained model is installed.")


def _table(models: Iterable[InstalledModel]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("name", "summary", "channels", "MB", "provided by"):
        number = title in ("channels", "MB")
        table.add_column(
            title, no_wrap=number or title == "name", justify="right" if number else "left"
        )
    for model in models:
        facts = _summary(model, _card(model))
        size = "missing" if facts["bytes"] is None else f"{facts['bytes'] / 1e6:.1f}"
        channels = "" if facts["channels"] is None else str(facts["channels"])
        cells = (facts["name"], facts["summary"], channels, size, str(model.provider))
        table.add_row(*map(cell, cells))
    return table


def _card(model: InstalledModel) -> ModelCard | None:
    """The card; None, and a warning, where it cannot be used: the model still can."""
    try:
        return read_card(model.entry)
    except PluginError as error:
        warn(str(error))
        return None


def _summary(model: InstalledModel, card: ModelCard | None) -> dict[str, Any]:
    path = model.entry.path
    return {
        "name": model.entry.name,
        "summary": model.entry.summary,
        "channels": card.channels if card else None,
        "bytes": path.stat().st_size if path.is_file() else None,
        "sha256": model.entry.sha256,
        "distribution": model.provider.distribution,
        "version": model.provider.version,
    }


def _show(model: InstalledModel, as_json: bool) -> None:
    card = read_card(model.entry)
    if as_json:
        print_json({**_summary(model, card), "file": str(model.entry.path), "card": card.fields})
        return
    text = card.to_markdown()
    console = Console()
    if console.is_terminal:
        console.print(Markdown(text), width=min(console.width, CARD_WIDTH))
    else:
        say_lines(text.removesuffix("\n"))
