"""The command group, and how errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from typing import NoReturn

import click

from zoo.cli.problems import echo_problems
from zoo.errors import (
    ArchitectureError,
    CheckpointError,
    DataError,
    PluginError,
    Stopped,
    UsageError,
    ZooError,
)

COMMANDS = {
    "check": "zoo.cli.check:check",
    "evaluate": "zoo.cli.evaluate:evaluate",
    "initializers": "zoo.cli.listing:initializers",
    "layers": "zoo.cli.listing:layers",
    "losses": "zoo.cli.listing:losses",
    "new": "zoo.cli.new:new",
    "noises": "zoo.cli.listing:noises",
    "optimizers": "zoo.cli.listing:optimizers",
    "run": "zoo.cli.run:run",
    "schedules": "zoo.cli.listing:schedules",
    "schema": "zoo.cli.schema:schema",
    "show": "zoo.cli.show:show",
    "sources": "zoo.cli.listing:sources",
}

EXIT_CODES: tuple[tuple[type[ZooError], int], ...] = (
    (UsageError, 2),
    (ArchitectureError, 2),
    (PluginError, 3),
    (DataError, 4),
    (CheckpointError, 5),
)


class LazyGroup(click.Group):
    """A group that imports a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="zoo", prog_name="zoo")
def zoo() -> None:
    """Train image denoisers without clean images, from declarative files."""


def main() -> NoReturn:
    """Run the command line and exit.

    0 done, 1 unexpected error, 2 usage or architecture file, 3 plugin, 4 data, 5 checkpoint,
    128 + the signal's number when stopped by a signal after saving.
    """
    # Threads that wait for work by spinning stall each other where programs share the cores: with
    # OpenMP's own limit a run beside one other process was ten times slower, with this one twice.
    # Never spinning would cost a run that is alone up to half its speed. Read by libgomp when torch
    # is imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    try:
        code = zoo.main(sys.argv[1:] or ["--help"], prog_name="zoo", standalone_mode=False)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "zoo"
        message = error.format_message()
        stop = "" if message.endswith((".", "?")) else "."
        click.echo(f"{command}: {message}{stop} See {command} --help.", err=True)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except Exception as error:
        if os.environ.get("ZOO_DEBUG") == "1":
            traceback.print_exc()
        _report(error)
        sys.exit(_exit_code(error))
    sys.exit(code or 0)  # the one that a command gave to click's Exit


def _report(error: Exception) -> None:
    if isinstance(error, ArchitectureError):
        echo_problems(error.problems)
    elif isinstance(error, ZooError):
        click.echo(str(error), err=True)
    else:
        message = f"zoo: unexpected error: {type(error).__name__}: {error}."
        click.echo(f"{message} ZOO_DEBUG=1 shows where; please report it.", err=True)


def _exit_code(error: Exception) -> int:
    if isinstance(error, Stopped):
        return 128 + error.signal
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)
