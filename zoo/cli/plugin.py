"""``zoo plugin``: what authors of plugins need."""

from __future__ import annotations

import click

from zoo.cli.plugin_check import check
from zoo.cli.plugin_new import new


@click.group()
def plugin() -> None:
    """What authors of plugins need."""


plugin.add_command(check)
plugin.add_command(new)
