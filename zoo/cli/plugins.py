"""``zoo plugins``: what is installed beside zoo, and its state."""

from __future__ import annotations

import click
from rich.table import Table

from zoo.cli.console import cell, print_json, print_table, warn
from zoo.cli.options import json_option
from zoo.cli.streams import say
from zoo.describe.plugins import Plugin, installed_plugins
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry


@click.command()
@json_option
def plugins(as_json: bool) -> None:
    """List the installed plugins: what they contribute, whether they work, and why not.

    A plugin is a distribution with an entry point in the group "zoo". ZOO_PLUGINS=a,b uses only
    these, ZOO_PLUGINS= none; with ZOO_STRICT_PLUGINS=1 every failure is an error.
    """
    found = discover()
    for broken in found.broken:
        warn(str(broken))
    all_of_them = installed_plugins(found, load_registry(found))
    if as_json:
        print_json([plugin.to_dict() for plugin in all_of_them])
    elif all_of_them:
        _print(all_of_them)
    else:
        say("No plugin is installed.")


def _print(plugins: list[Plugin]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("plugin", "state", "contributes"):
        table.add_column(name, no_wrap=name != "contributes")
    for plugin in plugins:
        contributes = "; ".join(
            f"{kind} {', '.join(names)}" for kind, names in plugin.contributes.items()
        )
        table.add_row(*map(cell, (str(plugin.provider), plugin.state, contributes)))
    print_table(table)
    for plugin in plugins:
        for reason in plugin.reasons:
            say(f"{plugin.provider}: {reason}")
        if plugin.imports_torch:
            say(f"{plugin.provider}: imports torch when it is loaded, which slows every command.")
