"""The command group, and how errors become messages and exit codes."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from errno import EACCES, EDQUOT, ENAMETOOLONG, ENOSPC
from importlib import import_module
from typing import Any, NoReturn, TypeGuard

import click

from zoo.cli.problems import echo_problems
from zoo.cli.streams import SIGPIPE, ClosedPipeError, Streams, say, say_lines, standard_streams
from zoo.distributed.launch import launched, rank_of, refuse
from zoo.errors import (
    ArchitectureError,
    CheckpointError,
    DataError,
    DivergenceError,
    PluginError,
    Stopped,
    UsageError,
    ZooError,
    format_error,
)
from zoo.malloc import keep_freed_memory
from zoo.plugins.suggestions import suggest
from zoo.version import VERSION

# Each command: where it is, and what it does, so that the help need not import it.
COMMANDS = {
    "bench": ("zoo.cli.bench:bench", "Time a network beside the same one in torch.nn."),
    "check": ("zoo.cli.check:check", "Report every mistake of architecture files."),
    "compare": ("zoo.cli.compare:compare", "Train networks by zoo and by torch.nn, side by side."),
    "data": ("zoo.cli.data:data", "Check data before training."),
    "denoise": ("zoo.cli.denoise:denoise", "Denoise pictures with a trained model."),
    "doctor": ("zoo.cli.doctor:doctor", "Say what zoo runs on and whether it works."),
    "evaluate": ("zoo.cli.evaluate:evaluate", "Measure a trained model, beside classical methods."),
    "export": ("zoo.cli.export:export", "Write a trained model for other programs."),
    "initializers": ("zoo.cli.listing:initializers", "List what fills new parameters."),
    "layers": ("zoo.cli.listing:layers", "List the layers of a network."),
    "losses": ("zoo.cli.listing:losses", "List the losses that training can minimise."),
    "models": ("zoo.cli.models:models", "List the trained models that are installed."),
    "new": ("zoo.cli.new:new", "Start an architecture file."),
    "noises": ("zoo.cli.listing:noises", "List the noises that can be added to clean images."),
    "optimizers": ("zoo.cli.listing:optimizers", "List what updates the parameters."),
    "plugin": ("zoo.cli.plugin:plugin", "Start a plugin, or check one."),
    "plugins": ("zoo.cli.plugins:plugins", "List the installed plugins and their state."),
    "report": ("zoo.cli.report:report", "Write runs as one HTML page: curves, pictures, layers."),
    "run": ("zoo.cli.run:run", "Train a denoiser from an architecture file."),
    "pairings": ("zoo.cli.listing:pairings", "List the pairings, which make input and target."),
    "schedules": ("zoo.cli.listing:schedules", "List the schedules of the learning rate."),
    "schema": ("zoo.cli.schema:schema", "Write a JSON Schema of architecture files, for editors."),
    "show": ("zoo.cli.show:show", "Show each layer's shape and size, or the resolved file."),
    "sources": ("zoo.cli.listing:sources", "List the sources of images to train on."),
    "sweep": ("zoo.cli.sweep:sweep", "Train a grid of settings with several seeds."),
}

STOPPING_NAMES = ("SIGTERM", "SIGHUP", "SIGUSR1")
STOPPING = tuple(getattr(signal, it) for it in STOPPING_NAMES if hasattr(signal, it))

EXIT_CODES: tuple[tuple[type[ZooError], int], ...] = (
    (UsageError, 2),
    (ArchitectureError, 2),
    (PluginError, 3),
    (DataError, 4),
    (CheckpointError, 5),
)
SAID_BY_RANK_0 = (Stopped, DivergenceError)  # where several processes train together


class _Signalled(KeyboardInterrupt):  # which no plugin's failure is taken for
    """A signal came that ends the command."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class LazyGroup(click.Group):
    """A group that imports a command when it is used."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except _Signalled as signalled:
            ctx.exit(128 + signalled.number)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with; refuses a name that is none."""
        if args[0] not in COMMANDS and (meant := suggest(args[0], COMMANDS)):
            ctx.fail(f"No such command {args[0]!r}. Did you mean {meant}?")
        if args[0] != "run":
            refuse(launched(os.environ), f"zoo {args[0]}", "Start it without torchrun.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with what each does."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="zoo")
def zoo() -> None:
    """Train image denoisers without clean images, from declarative files."""


def main() -> NoReturn:
    """Run the command line and exit.

    0 done, 1 unexpected error, 2 usage or architecture file, 3 plugin, 4 data, 5 checkpoint,
    128 + the signal's number when stopped by a signal after saving; 141 where all that a command
    does is to print, and nobody reads it.
    """
    # Threads that wait for work by spinning stall each other where programs share the cores: with
    # OpenMP's own limit a run beside one other process was ten times slower, with this one twice.
    # Never spinning would cost a run that is alone up to half its speed. Read by libgomp when torch
    # is imported.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    # Other devices than a CPU and CUDA are of no use to zoo, and looking for their plugins torch
    # reads the metadata of all that is installed: it waits for a pipe, and fails at damaged ones.
    os.environ.setdefault("TORCH_DEVICE_BACKEND_AUTOLOAD", "0")
    # Of ranks that are gone zoo says itself which, in a line; torch would say it in hundreds.
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")
    keep_freed_memory()
    for number in STOPPING:
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, _stop)
    with standard_streams() as streams:
        code = _run(streams)
    sys.exit(code)


def _run(streams: Streams) -> int:
    """Run the command, report what goes wrong, and give the exit code."""
    try:
        code: int | None = zoo.main(
            sys.argv[1:] or ["--help"], prog_name="zoo", standalone_mode=False, obj=streams
        )
        lost = streams.code()
        return code or lost  # code: the one that a command gave to click's Exit
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "zoo"
        message = error.format_message()
        stop = "" if message.endswith((".", "?")) else "."
        who = f"rank {rank}: " if (rank := rank_of(os.environ)) else ""
        say(f"{who}{command}: {message}{stop} See {command} --help.", err=True)
        return 2
    except (KeyboardInterrupt, click.Abort) as stop:
        reason = stop.__cause__ or stop
        return 128 + (reason.number if isinstance(reason, _Signalled) else signal.SIGINT)
    except ClosedPipeError:
        return 128 + SIGPIPE
    except BaseException as error:  # a library's or plugin's may be no Exception, or end programs
        if os.environ.get("ZOO_DEBUG") == "1":
            traceback.print_exc()
        _report(error)
        return _exit_code(error)


def _stop(number: int, frame: object) -> NoReturn:
    """End by a signal as by an error, so that temporary files are removed."""
    raise _Signalled(number)


def _report(error: BaseException) -> None:
    if rank := rank_of(os.environ):
        if not isinstance(error, SAID_BY_RANK_0):
            for line in format_error(error).split("\n"):
                say(f"rank {rank}: {line}", err=True)
    elif isinstance(error, ArchitectureError):
        echo_problems(error.problems)
    elif isinstance(error, ZooError):
        say_lines(format_error(error), err=True)
    elif _is_of_a_path(error):
        say(f"{error.filename}: {error.strerror}. Use another.", err=True)
    elif isinstance(error, OSError) and error.errno in (EDQUOT, ENOSPC):
        say(f"{error.filename or '<stdout>'}: cannot be written: {error.strerror}.", err=True)
    else:
        message = f"zoo: unexpected error: {format_error(error)}."
        say(f"{message} ZOO_DEBUG=1 shows where; please report it.", err=True)


def _is_of_a_path(error: BaseException) -> TypeGuard[OSError]:
    """Whether a path that the user gave cannot even be looked at."""
    return (
        isinstance(error, OSError)
        and error.errno in (EACCES, ENAMETOOLONG)
        and error.filename is not None
    )


def _exit_code(error: BaseException) -> int:
    if isinstance(error, Stopped):
        return 128 + error.signal
    if _is_of_a_path(error):
        return 2
    return next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1)
