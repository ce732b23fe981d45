"""``extends = "base.toml"``: the values of another file, where this one has none."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from zoo.architecture.document import Node, parse
from zoo.architecture.paths import written_path
from zoo.errors import ArchitectureError, Problem, format_value, printable
from zoo.files import read_regular
from zoo.plugins.suggestions import suggest

RUN = "architecture.toml"  # in the folder of a run


def read_text(path: str | Path) -> str | Problem:
    """The text of an architecture file, or what is wrong with the file."""
    try:
        return read_regular(Path(path)).decode("utf-8")
    except OSError as error:
        hint = _meant(Path(path)) if isinstance(error, FileNotFoundError) else _of_run(Path(path))
        message = f"cannot be read: {error.strerror}."
        return Problem(str(path), (), message, hint=hint, subject="")
    except ValueError as error:
        if isinstance(error, UnicodeDecodeError):
            message = "is not text in UTF-8. TOML files are."
        else:  # a null character in the path
            message = f"cannot be read: {error}."
        return Problem(str(path), (), message, subject="")


def _meant(path: Path) -> str:
    """The architecture file that a path was most likely meant to be, as a question."""
    folders = (path.parent, Path("architectures"))
    known = [file for folder in reversed(folders) for file in sorted(folder.glob("*.toml"))]
    files = {file.stem: file for file in known}
    found = suggest(path.stem, files)
    return f"Did you mean {printable(str(files[found]))}?" if found else ""


def _of_run(path: Path) -> str:
    """What to do with the folder of a run; "" for any other path."""
    file = path / RUN
    if not (path.is_dir() and file.is_file()):
        return ""
    folder, inside = (shlex.quote(printable(str(it))) for it in (path, file))
    return (
        f"It is the folder of a run, whose file is {inside}: zoo run {inside} --out {folder} "
        "--resume goes on with it."
    )


def extended(document: Node, files: Sequence[Path] = ()) -> Node:
    """The document with the values of the file it extends, which may extend another.

    A table of the document and one of the base are merged key by key; where the document's has
    another ``type``, it replaces the base's whole, and so does every other value. Lists, and with
    them the layers and each named block, are replaced whole.

    Args:
        document: as parsed.
        files: the files that extend each other, this one's last; the outermost call gives none.

    Raises:
        ArchitectureError: the base cannot be read, is not TOML, or extends itself.
    """
    extends = document.table.get("extends")
    if extends is None:
        return document
    rest = {key: node for key, node in document.table.items() if key != "extends"}
    return merged(_base(extends, files), Node(rest, document.location))


def merged(base: Node, own: Node) -> Node:
    """``own`` over ``base``, as :func:`extended` says."""
    if isinstance(base.value, str) and own.table and "type" not in own.table:
        base = Node({"type": base}, base.location)  # a name stands for a table with that type
    if not base.table or not isinstance(own.value, dict) or _types_differ(base, own):
        return own
    items = dict(base.table)
    for key, node in own.table.items():
        items[key] = merged(items[key], node) if key in items else node
    return Node(items, own.location, own.key)


def _types_differ(base: Node, own: Node) -> bool:
    kinds = [node.table["type"].plain() for node in (base, own) if "type" in node.table]
    return "type" in own.table and (len(kinds) < 2 or kinds[0] != kinds[1])


def _base(extends: Node, files: Sequence[Path]) -> Node:
    """The document of the file that ``extends`` names, itself extended."""
    location, name = extends.location, extends.value
    if not isinstance(name, str) or not name:
        message = (
            f"is {format_value(extends.plain())}. Use the path of an architecture file, in quotes."
        )
        raise ArchitectureError([location.problem(message)])
    path = Path(os.path.normpath(written_path(name, location.file.base)))
    chain = [*(files or [_resolved(Path(location.file.name))]), _resolved(path)]
    if chain[-1] in chain[:-1]:
        circle = " -> ".join(printable(file.name) for file in chain[chain.index(chain[-1]) :])
        message = f"is {format_value(name)}, and these files extend each other: {circle}."
        raise ArchitectureError([location.problem(message)])
    text = read_text(path)
    if isinstance(text, Problem):
        message = f"is {format_value(name)}, and {printable(str(path))} {text.message}"
        raise ArchitectureError([location.problem(message)])
    return extended(parse(text, str(path), path.parent), chain)


def _resolved(path: Path) -> Path:
    """The path by which a file is recognised."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links, a null character
        return path
