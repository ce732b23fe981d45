"""Changes from the command line: ``--set train.epochs=3``, ``--epochs 3``, ``--data photos``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import tomli

from zoo.architecture.schema import show
from zoo.errors import UsageError, format_path


@dataclass(frozen=True)
class Override:
    """A value to put at a path of the document, replacing what is there.

    Attributes:
        path: keys from the top, as strings; an index of a list as its digits.
        value: the new value; a table replaces a table whole.
        option: the command-line option it comes from, for messages.
    """

    path: tuple[str, ...]
    value: Any
    option: str


def parse_override(text: str) -> Override:
    """The override in ``KEY=VALUE``: a dotted TOML key and a TOML value.

    Raises:
        UsageError: it is not of that form.
    """
    option = f"--set {text}"
    key, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{option}: there is no '='. Write KEY=VALUE, such as train.epochs=3.")
    try:
        path = _path(tomli.loads(f"{key} = 0"))
    except (tomli.TOMLDecodeError, ValueError):  # no TOML, or no key in it: "#"
        raise UsageError(
            f"{option}: {key.strip()!r} is not a key. "
            "Write keys joined by dots, such as optimizer.lr."
        ) from None
    try:
        (parsed,) = tomli.loads(f"value = {value}").values()
    except (tomli.TOMLDecodeError, ValueError):
        raise UsageError(
            f"{option}: {value.strip()!r} is not a TOML value. "
            "Write a number, true, false, a list, a table, or text in quotes."
        ) from None
    return Override(path, parsed, option)


def apply_overrides(document: Mapping[str, Any], overrides: Iterable[Override]) -> dict[str, Any]:
    """A copy of the document with the overrides applied in order.

    Raises:
        UsageError: a path leads through a value that is no table or list, or past a list's end.
    """
    result = deepcopy(dict(document))
    for override in overrides:
        _put(result, override)
    return result


def _path(table: Mapping[str, Any]) -> tuple[str, ...]:
    ((key, value),) = table.items()
    return (key, *_path(value)) if isinstance(value, Mapping) else (key,)


def _put(document: dict[str, Any], override: Override) -> None:
    node: Any = document
    for depth in range(len(override.path)):
        last = depth == len(override.path) - 1
        index = _index(node, depth, override)
        if last:
            node[index] = override.value
        else:
            child = node[index] if isinstance(node, list) else node.setdefault(index, {})
            if isinstance(child, str):  # a name stands for a table with that type
                child = node[index] = {"type": child}
            node = child


def _index(node: Any, depth: int, override: Override) -> Any:
    """The key at ``depth`` of the path as what ``node`` is indexed with."""
    key, where = override.path[depth], format_path(override.path[:depth])
    if isinstance(node, dict):
        return key
    if isinstance(node, list):
        if key.isdecimal() and int(key) < len(node):
            return int(key)
        allowed = f"Use 0 to {len(node) - 1}." if node else "It is empty."
        raise UsageError(f"{override.option}: {where} has no item {key!r}. {allowed}")
    raise UsageError(f"{override.option}: {where} is {show(node)}. Use a key of a table.")
