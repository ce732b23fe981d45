"""``zoo plugin new``: start a plugin."""

from __future__ import annotations

from pathlib import Path

import click

from zoo.cli.console import shell_command
from zoo.cli.options import UserPath
from zoo.cli.streams import say, work_counts
from zoo.errors import UsageError
from zoo.files import create_folder
from zoo.plugins.distributions import find_installed
from zoo.plugins.scaffold import Names, names_of, plugin_files
from zoo.plugins.static_source import module_spec


@click.command(short_help="Start a plugin.")
@click.argument("path", metavar="DIR", type=UserPath())
def new(path: Path) -> None:
    """Start a plugin in the new folder DIR: a distribution with one layer, which works as it is.

    It has an architecture that uses the layer, tests and a README. The folder's name is the
    plugin's, such as zoo-swish; nothing is overwritten.
    """
    work_counts()
    folder = path.resolve()  # "." and ".." have no name of their own
    names = names_of(folder.name)
    _require_new(path, folder, names)
    try:
        create_folder(folder, plugin_files(names))
    except FileExistsError:  # made by another program since
        raise _taken(path) from None
    say(f"wrote {path}: the plugin {names.distribution} with the layer {names.layer}")
    say(f"go there:    {shell_command('cd', path)}")
    say("install it:  python -m pip install -e '.[test]'")
    say("test it:     python -m pytest")
    say(f"check it:    zoo plugin check {names.distribution}")
    say(f"train it:    zoo run architectures/{names.layer}.toml")


def _require_new(path: Path, folder: Path, names: Names) -> None:
    """Refuse a folder or a name that cannot be used.

    Raises:
        UsageError: the folder is there and not empty, or its parent is not there, or the name is
            that of something installed.
    """
    if not folder.parent.is_dir():
        raise UsageError(f"{path}: there is no folder {path.parent}. Make it first.")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise _taken(path)
    if folder == Path.cwd():  # it is replaced, and this one would be left nowhere
        raise UsageError(f"{path}: is the folder you are in. Name one inside it, or beside it.")
    # A folder without an __init__.py can be imported too: one named zoo would stand before zoo.
    for name in (names.distribution, folder.name):
        if _is_installed(name):
            raise UsageError(f"{path}: {name} is the name of something installed. Use another.")


def _taken(path: Path) -> UsageError:
    return UsageError(f"{path}: is there already and stays as it is. Use another name.")


def _is_installed(name: str) -> bool:
    """Whether a distribution or a module has the name; an empty folder is no module."""
    spec = module_spec(name.replace("-", "_"))
    if spec is not None and spec.origin is not None:
        return True
    return find_installed(name) is not None
