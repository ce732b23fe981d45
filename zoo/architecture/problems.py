"""What the schemas find wrong, in words that a user of the file understands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jsonschema import ValidationError

from zoo.architecture.document import Node, TomlPath, has_unknown
from zoo.architecture.schema import Schema, describe, validate
from zoo.errors import ArchitectureError, Problem, format_path, format_value, quoted
from zoo.plugins.suggestions import suggest

MOST = 100  # mistakes that are reported
LISTED = 50  # names in a message


class Problems(list[Problem]):
    """The mistakes of a file that have been found. The search ends where there are very many.

    Raises:
        ArchitectureError: ``MOST`` have been added.
    """

    def append(self, problem: Problem) -> None:
        """Add one."""
        super().append(problem)
        if len(self) >= MOST:
            self.sort(key=lambda it: (it.file, it.line or 0, it.column or 0))
            message = f"has {MOST} mistakes or more. The search has ended here."
            raise ArchitectureError([*self, Problem(problem.file, (), message, subject="")])

    def __iadd__(self, problems: Iterable[Problem]) -> Problems:  # type: ignore[override, misc]  # a list's takes more
        for problem in problems:
            self.append(problem)
        return self


def schema_problems(node: Node, schema: Schema) -> Iterator[tuple[TomlPath, Problem]]:
    """Each violation of the schema: the path from ``node`` to the value, and the problem."""
    found = validate(node.plain(), schema)
    for error in (inner for outer in found for inner in _innermost(outer)):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            yield from _unknown_keys(error, path, node.nearest(path))
        elif error.validator == "required":
            yield from _missing_keys(error, path, node.nearest(path))
        elif not has_unknown(error.instance):
            allowed: Any = error.schema
            message = f"is {format_value(error.instance)}. Use {describe(allowed)}."
            hint = _hint(error.instance, allowed)
            yield path, node.nearest(path).location.problem(message, hint)


def did_you_mean(word: str, candidates: Iterable[str], quoted: bool = False) -> str:
    """``Did you mean WORD?`` for the candidate that is like ``word``; "" where none is."""
    found = suggest(word, candidates)
    return (
        f"Did you mean {format_value(found) if quoted else format_path([found])}?" if found else ""
    )


def listed(what: str, names: Iterable[str]) -> str:
    """``WHAT: a, b.`` in alphabetical order."""
    ordered = sorted(names)
    text = ", ".join(format_path([name]) for name in ordered[:LISTED])
    if len(ordered) > LISTED:
        text += f" and {len(ordered) - LISTED:,} more"
    return f"{what}: {text}." if text else "There are none."


def _innermost(error: ValidationError) -> Sequence[ValidationError]:
    """The errors inside a list or table, where it would be right but for them."""
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).extend(_innermost(inner))
    for errors in branches.values():
        if all(len(inner.absolute_path) > len(error.absolute_path) for inner in errors):
            return errors
    return [error]


def _unknown_keys(
    error: ValidationError, path: TomlPath, table: Node
) -> Iterator[tuple[TomlPath, Problem]]:
    instance: Any = error.instance
    known = sorted(_properties(error.schema))
    allowed = f"Known keys: {', '.join(known)}." if known else "No key can be set here."
    for key in sorted(set(instance) - set(known)):
        location = table.table[key].key or table.location
        hint = did_you_mean(key, known)
        yield (*path, key), location.problem(f"is not a known key. {allowed}", hint)


def _missing_keys(
    error: ValidationError, path: TomlPath, table: Node
) -> Iterator[tuple[TomlPath, Problem]]:
    instance: Any = error.instance
    properties = _properties(error.schema)
    required: Any = error.validator_value
    for key in sorted(set(required) - set(instance)):
        location = replace(table.location, path=(*table.location.path, key))
        yield (*path, key), location.problem(f"is missing. Use {describe(properties[key])}.")


def _properties(schema: Any) -> Mapping[str, Schema]:
    properties: Mapping[str, Schema] = schema.get("properties", {})
    return properties


def _hint(value: Any, schema: Any) -> str:
    """What a value of the wrong kind may have been meant to be."""
    if not isinstance(value, str):
        is_text = schema.get("type") == "string" and not isinstance(value, (list, dict))
        return f"Text has quotes: {quoted(format_value(value))}." if is_text else ""
    names = [name for name in schema.get("enum", ()) if isinstance(name, str)]
    if names:
        return did_you_mean(value, names, quoted=True)
    if schema.get("type") == "boolean":
        if value in ("true", "false"):
            return "It has no quotes."
        return "Write it in lower case." if value.lower() in ("true", "false") else ""
    return "Numbers have no quotes." if _is_number(value) else ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
