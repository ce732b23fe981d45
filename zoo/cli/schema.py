"""``zoo schema``: one JSON Schema of an architecture file, for editors."""

from __future__ import annotations

import json
from pathlib import Path

import click

from zoo.cli.console import warn_of_failures
from zoo.cli.options import UserPath
from zoo.cli.streams import say, work_counts
from zoo.describe.editor_schema import is_editor_schema, schema_text
from zoo.errors import UsageError
from zoo.files import require_folder, write_text
from zoo.plugins.registry import load_registry


@click.command()
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    type=UserPath(),
    help="Write to FILE, which may replace a schema that zoo wrote.  [default: print it]",
)
def schema(output: Path | None) -> None:
    """Write the JSON Schema of an architecture file, with everything that is installed.

    An editor with Taplo, such as VS Code with Even Better TOML, completes and checks a file whose
    first line is '#:schema ./zoo.schema.json'. Run it again after installing plugins.
    """
    registry = load_registry()
    warn_of_failures(registry)
    text = schema_text(registry)
    if output is None:
        click.echo(text, nl=False)
        return
    work_counts()
    _require_replaceable(output)
    write_text(output, text)
    say(f"wrote {output}")


def _require_replaceable(path: Path) -> None:
    """Refuse to write over anything but a schema of zoo's.

    Raises:
        UsageError: something else is at ``path``, or its folder is not there.
    """
    require_folder(str(path), path)
    if not path.exists():
        return
    try:
        known = is_editor_schema(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError):  # a folder, no JSON
        known = False
    if not known:
        raise UsageError(f"{path}: is there and is no schema that zoo wrote. Use another name.")
