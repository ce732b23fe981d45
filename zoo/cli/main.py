"""The command group, and how errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from typing import NoReturn

import click

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
    "evaluate": "zoo.cli.evaluate:evaluate",
    "run": "zoo.cli.run:run",
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
        zoo.main(sys.argv[1:] or ["--help"], prog_name="zoo", standalone_mode=False)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "zoo"
        message = error.format_message().removesuffix(".")
        click.echo(f"{command}: {message}. See {command} --help.", err=True)
        sys.exit(2)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except Exception as error:
        if os.environ.get("ZOO_DEBUG") == "1":
            traceback.print_exc()
        click.echo(_message(error), err=True)
        sys.exit(_exit_code(error))
    sys.exit(0)


def _message(error: Exception) -> str:
    if isinstance(error, ZooError):
        return str(error)
    return (
        f"zoo: unexpected error: {type(error).__name__}: {error}. "
        "ZOO_DEBUG=1 shows where; please report it."
    )


def _exit_code(error: Exception) -> int:
    if isinstance(error, Stopped):
        return 128 + error.signal
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)
