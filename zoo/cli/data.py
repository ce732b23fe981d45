"""``zoo data``: what can be said of data before anything is trained."""

from __future__ import annotations

import click

from zoo.cli.data_check import check


@click.group(invoke_without_command=True)
@click.pass_context
def data(context: click.Context) -> None:
    """Check data before training."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


data.add_command(check)
