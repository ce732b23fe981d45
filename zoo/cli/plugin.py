"""``zoo plugin``: what authors of plugins need."""

from __future__ import annotations

import click

from zoo.cli.plugin_check import check
from zoo.cli.plugin_new import new


@click.group(invoke_without_command=True)
@click.pass_context
def plugin(context: click.Context) -> None:
    """What authors of plugins need."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


plugin.add_command(check)
plugin.add_command(new)
