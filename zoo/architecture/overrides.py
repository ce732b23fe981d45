"""Changes from the command line: ``--set train.epochs=3``, ``--epochs 3``, ``--data photos``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tomli

from zoo.architecture.document import File, Node, SourceLocation, literal
from zoo.errors import ArchitectureError, Problem, format_path, format_value
from zoo.spec.schemas import read_schema

TOO_DEEP = "is nested too deeply. An architecture has a few levels."
# Text that needs no quotes after --set: a name or a path, which no other value begins like.
WORD = re.compile(r"""[^\W\d][^\s"'#=\[\]{}]*|[~.]{0,2}/[^\s"'#=\[\]{}]+""")


@dataclass(frozen=True)
class Override:
    """A value to put at a path of the document, replacing what is there.

    Attributes:
        path: keys from the top, as strings; an index of a list as its digits.
        value: the new value; a table replaces a table whole.
        location: where it was written: the option.
    """

    path: tuple[str, ...]
    value: Any
    location: SourceLocation

    @classmethod
    def of_option(cls, option: str, path: tuple[str, ...], value: Any) -> Override:
        """The override that an option of its own makes, such as ``--epochs 3``.

        Paths in its value are relative to the working folder.
        """
        return cls(path, value, SourceLocation(File(option, Path(), ""), path))


def parse_overrides(texts: Sequence[str], base: Path) -> list[Override]:
    """The overrides in ``KEY=VALUE`` texts: a dotted TOML key, and a TOML value or a single word.

    A word that is no TOML value, a name or a path, is text: ``train.schedule=step``.

    Problems are at ``--set``, in the line of the text's number and column 1.

    Args:
        texts: what was typed after each ``--set``.
        base: folder that paths in the values are relative to.

    Raises:
        ArchitectureError: texts that are not of that form.
    """
    file = File("--set", base, "\n".join(" ".join(text.splitlines()) for text in texts))
    parsed = [
        _parsed(text, SourceLocation(file, (), number, 1))
        for number, text in enumerate(texts, start=1)
    ]
    if problems := [entry for entry in parsed if isinstance(entry, Problem)]:
        raise ArchitectureError(problems)
    return [entry for entry in parsed if isinstance(entry, Override)]


def apply_overrides(document: Node, overrides: Iterable[Override]) -> Node:
    """The document with the overrides applied in order, types first: they bring their own keys.

    Raises:
        ArchitectureError: a path leads through a value that is no table or list, or past a list's
            end.
    """
    for override in sorted(overrides, key=lambda it: it.path[-1] != "type"):
        document = _put(document, override, 0)
    return document


def _parsed(text: str, location: SourceLocation) -> Override | Problem:
    key, equals, value = text.partition("=")
    if not equals:
        return location.problem(
            f"{format_value(text)} has no '='. Write KEY=VALUE, such as train.epochs=3."
        )
    path = key_path(key, location)
    if isinstance(path, Problem):
        return path
    location = replace(location, path=path)
    try:
        (parsed,) = tomli.loads(f"value = {value}").values()
    except RecursionError:
        return location.problem(f"{format_value(value.strip())} {TOO_DEEP}")
    except (tomli.TOMLDecodeError, ValueError):
        parsed = value.strip()
        if not WORD.fullmatch(parsed):
            return location.problem(
                f"{parsed!r} is not a TOML value. Write a number, true, false, one word, a list "
                "such as [0, 4095], a table, or text in quotes."
            )
    return Override(path, parsed, location)


def key_path(key: str, location: SourceLocation) -> tuple[str, ...] | Problem:
    """The path that a dotted key of TOML is, or what is wrong with it.

    Args:
        key: such as ``optimizer.lr``.
        location: where it was written.
    """
    try:
        path = _path(tomli.loads(f"{key} = 0"))
    except RecursionError:
        return location.problem(f"{format_value(key.strip())} {TOO_DEEP}")
    except (tomli.TOMLDecodeError, ValueError):  # no TOML, or no key in it: "#"
        return location.problem(
            f"{format_value(key.strip())} is not a key. Write keys joined by dots, such as "
            "optimizer.lr."
        )
    if path[0] == "extends":
        location = replace(location, path=path)
        return location.problem("cannot be set here. Write a file that extends another.")
    return path


def _path(table: Mapping[str, Any]) -> tuple[str, ...]:
    ((key, value),) = table.items()
    return (key, *_path(value)) if isinstance(value, Mapping) else (key,)


def _put(node: Node, override: Override, depth: int) -> Node:
    """``node``, which stands at the first ``depth`` keys of the path, with the value put in."""
    if depth == len(override.path):
        return literal(override.value, override.location, override.location)
    if isinstance(node.value, str):  # a name stands for a table with that type
        node = Node({"type": node}, node.location, node.key)
    key = override.path[depth]
    if isinstance(node.value, list):
        position = _position(node, override, depth)
        items = list(node.value)
        items[position] = _put(items[position], override, depth + 1)
        return Node(items, node.location, node.key)
    if not isinstance(node.value, Mapping):
        where = format_path(override.path[:depth])
        message = (
            f"{where} is {format_value(node.plain())}, which has no keys. Use a key of a table."
        )
        raise ArchitectureError([override.location.problem(message)])
    location = replace(override.location, path=override.path[: depth + 1])
    child = node.value.get(key) or _missing(override, depth + 1, location)
    put = _put(child, override, depth + 1)
    if key == "type" and child.plain() != put.plain():
        return Node({key: put}, node.location, node.key)  # the other keys are of another thing
    return Node({**node.value, key: put}, node.location, node.key)


def _missing(override: Override, depth: int, location: SourceLocation) -> Node:
    """What stands for a table that is not there: the thing that it has by default, or nothing."""
    schema: Mapping[str, Any] = read_schema("architecture.json")
    for key in override.path[:depth]:
        schema = schema.get("properties", {}).get(key, {})
    name = schema.get("default")
    named = isinstance(name, str) and "x-zoo-kind" in schema and override.path[depth:] != ("type",)
    return Node({"type": literal(name, location, location)} if named else {}, location, location)


def _position(node: Node, override: Override, depth: int) -> int:
    """The index that the key at ``depth`` of the path is."""
    key, where = override.path[depth], format_path(override.path[:depth])
    if key.isdecimal() and int(key) < len(node.items):
        return int(key)
    allowed = f"Use 0 to {len(node.items) - 1}." if node.items else "It is empty."
    message = f"{where} has no item {format_value(key)}. {allowed}"
    raise ArchitectureError([override.location.problem(message)])
