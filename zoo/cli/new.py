"""``zoo new``: start an architecture file."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import tomli

from zoo.architecture import Architecture, parse_architecture, read_architecture
from zoo.cli.console import shell_command, warn_of_failures
from zoo.cli.options import UserPath
from zoo.cli.streams import say, work_counts
from zoo.describe.editor_schema import schema_text
from zoo.describe.starter import SCHEMA_FILE, renamed_copy, starter_text, valid_name
from zoo.errors import UsageError
from zoo.files import create_text, require_folder
from zoo.plugins.registry import Registry, load_registry


@click.command()
@click.argument("path", metavar="NAME.toml", type=UserPath())
@click.option(
    "--from",
    "origin",
    metavar="ARCH.toml",
    type=UserPath(),
    help="Copy this one, with its comments, under the new name.",
)
def new(path: Path, origin: Path | None) -> None:
    """Start an architecture file: a small denoiser with comments, or a copy of another file.

    Nothing is overwritten. The first line of the file names zoo.schema.json for editors, which is
    written beside it unless it is there.
    """
    work_counts()
    _require_new(path)
    registry = load_registry()
    warn_of_failures(registry)
    text = _starter(path, registry) if origin is None else _copy(origin, path, registry)
    _create(path, text)
    say(f"wrote {path}")
    _provide_schema(path.with_name(SCHEMA_FILE), schema_text(registry))
    say(f"check it:  {shell_command('zoo', 'check', path)}")
    say(f"train it:  {shell_command('zoo', 'run', path)}")


def _require_new(path: Path) -> None:
    """Refuse a name that cannot be used.

    Raises:
        UsageError: it is taken, does not end in ``.toml``, or its folder is not there.
    """
    if path.suffix != ".toml":
        raise UsageError(f"{path}: does not end in .toml. Use {path.name}.toml.")
    if path.exists() or path.is_symlink():
        raise _taken(path)
    require_folder(str(path), path)


def _taken(path: Path) -> UsageError:
    return UsageError(f"{path}: is there already and stays as it is. Use another name.")


def _starter(path: Path, registry: Registry) -> str:
    name, folder = valid_name(path.stem), path.parent
    text = renamed_copy(starter_text(), name, folder, folder, registry)
    text = text.replace("FILE", shlex.quote(path.name))
    parse_architecture(text, registry, str(path), folder)
    return text


def _copy(origin: Path, path: Path, registry: Registry) -> str:
    """The text of the copy, which means the same.

    Raises:
        ArchitectureError: the original has mistakes.
        UsageError: the copy would mean something else.
    """
    original = read_architecture(origin, registry)
    name = valid_name(path.stem)
    content = origin.read_text("utf-8")
    text = renamed_copy(content, name, origin.parent, path.parent, registry)
    copy = parse_architecture(text, registry, str(path), path.parent)
    if _meaning(copy) != {**_meaning(original), "name": name}:
        raise UsageError(
            f"{origin}: has a relative path that cannot be rewritten for {path.parent}. "
            "Make it absolute, or copy into the same folder."
        )
    return text


def _meaning(architecture: Architecture) -> dict[str, object]:
    return tomli.loads(architecture.text)


def _create(path: Path, text: str) -> None:
    try:
        create_text(path, text)
    except FileExistsError:  # made by another program since
        raise _taken(path) from None


def _provide_schema(path: Path, text: str) -> None:
    """Write the schema for editors where there is none; say so where it is not today's."""
    try:
        create_text(path, text)
    except FileExistsError:
        if not path.is_file() or path.read_bytes() != text.encode():
            command = shell_command("zoo", "schema", "-o", path)
            say(f"{path} is not of what is installed now; refresh it:  {command}")
    else:
        say(f"wrote {path}")
