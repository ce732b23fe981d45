"""``zoo check``: every problem of every file."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.architecture import Architecture, read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.cli.console import count_of, print_json, warn_of_failures
from zoo.cli.options import UserPath, json_option, set_option
from zoo.cli.problems import echo_problems, problem_json
from zoo.cli.streams import say
from zoo.errors import ArchitectureError, Problem
from zoo.plugins.registry import Registry, load_registry


@click.command()
@click.argument("files", metavar="ARCH.toml...", nargs=-1, required=True, type=UserPath())
@set_option
@json_option
def check(files: tuple[Path, ...], changes: tuple[str, ...], as_json: bool) -> None:
    """Check architecture files and report every problem as FILE:LINE:COLUMN: message.

    Nothing is built or trained. Exit code 0 where all files are right, 2 where one is not.
    """
    registry = load_registry()
    warn_of_failures(registry)
    results = {path: _checked(path, changes, registry) for path in dict.fromkeys(files)}
    if as_json:
        print_json([_as_json(path, result) for path, result in results.items()])
    else:
        for path, result in results.items():
            if isinstance(result, Architecture):
                say(f"{path}: {_summary(result)}")
            else:
                echo_problems(result)
    if not all(isinstance(result, Architecture) for result in results.values()):
        raise click.exceptions.Exit(2)


def _checked(
    path: Path, changes: tuple[str, ...], registry: Registry
) -> Architecture | tuple[Problem, ...]:
    try:
        return read_architecture(path, registry, parse_overrides(changes, path.parent))
    except ArchitectureError as error:
        return error.problems


def _summary(spec: Architecture) -> str:
    info = spec.shapes.info
    return f"{count_of('layer', len(spec.layers))}, {info.parameters:,} parameters"


def _as_json(path: Path, result: Architecture | tuple[Problem, ...]) -> dict[str, object]:
    problems = () if isinstance(result, Architecture) else result
    return {
        "file": str(path),
        "valid": isinstance(result, Architecture),
        "problems": [problem_json(problem) for problem in problems],
    }
