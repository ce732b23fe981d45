"""What is wrong with the schema of an entry. No torch, and quick: every start of zoo runs it.

A schema here is a part of JSON Schema (draft 2020-12): the keywords that zoo can put into words and
into the schema of an editor. A validator would ignore a misspelt keyword, so an unknown one is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from zoo.errors import format_path, shorten
from zoo.plugins.suggestions import suggest
from zoo.spec.arguments import is_number
from zoo.spec.schemas import SHARED, follow, read_schema

Found = Iterator[tuple[tuple[str | int, ...], str]]  # where in the schema, what is wrong there

KINDS = (*("layer", "loss", "optimizer", "initializer", "schedule", "noise", "pairing", "source"),)

LOOKED_UP = ("x-zoo-kind", "x-zoo-path", "x-zoo-body")


def lint(schema: object, where: str) -> Iterator[str]:
    """All that is wrong with a schema, one line for each mistake with ``where`` in front.

    That is: keywords that are unknown or have values of the wrong form, required keys that are no
    properties or have a default, properties without a description, choices that could not be looked
    up, and tables open to unknown keys.
    """
    for path, message in _problems(schema):
        yield f"{where}: {format_path(path)} {message}" if path else f"{where} {message}"


def _problems(schema: object) -> Found:
    if not isinstance(schema, Mapping):
        yield (), f"is {_as_in_python(schema)}. Give a table of keywords."
        return
    own = list(_of_keywords(schema))
    yield from own
    for path, part in _parts(schema):
        yield from (((*path, *rest), message) for rest, message in _problems(part))
    if not own:
        yield from _of_table(schema)


def _of_keywords(schema: Mapping[Any, Any]) -> Found:
    """Keywords that are unknown, and values of the wrong form."""
    for keyword, value in schema.items():
        if keyword not in FORMS:
            yield (str(keyword),), f"is not a known keyword. {_instead(keyword, sorted(FORMS))}"
            continue
        has_form, allowed = FORMS[keyword]
        if not has_form(value):
            allowed = allowed if isinstance(allowed, str) else allowed(value)
            yield (keyword,), f"is {_as_in_python(value)}. {allowed}"


def _parts(schema: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """The schemas in a schema."""
    for keyword in ("properties", "$defs"):
        if _is_table(parts := schema.get(keyword, {})):
            yield from (((keyword, name), part) for name, part in parts.items())
    if isinstance(options := schema.get("anyOf"), list):
        yield from ((("anyOf", index), option) for index, option in enumerate(options))
    for keyword in ("items", "additionalProperties"):
        if isinstance(part := schema.get(keyword), Mapping):
            yield (keyword,), part


def _of_table(schema: Mapping[str, Any]) -> Found:
    """What the keywords of a table, each of its form, say against each other."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    for index, option in enumerate(schema.get("anyOf", ())):
        marks = _followed(option) if isinstance(option, Mapping) else ()
        for mark in (mark for mark in LOOKED_UP if mark in marks):
            yield ("anyOf", index), f"has {mark}, which is not looked at there. Use it by itself."
    is_table = "properties" in schema or schema.get("type") == "object"
    if is_table and schema.get("additionalProperties", True) is True:
        yield (), "accepts unknown keys. Set 'additionalProperties' to false."
    for name in schema.get("required", ()):
        if name not in properties:
            instead = _instead(name, properties) if properties else "There is none."
            yield ("required",), f"has {name!r}, which is not a property. {instead}"
        elif isinstance(properties[name], Mapping) and "default" in properties[name]:
            path = ("properties", name, "default")
            yield path, "is never used: the property is required. Leave out one of the two."
    for name, part in properties.items():
        if isinstance(part, Mapping) and "description" not in _followed(part):
            yield ("properties", name), "has no description. Describe it in one sentence."


def _instead(word: object, choices: Iterable[str], before: str = "") -> str:
    """What to write instead of ``word``; ``before`` is a part that all choices begin with."""
    choices = list(choices)
    if isinstance(word, str) and (meant := suggest(word, choices)):
        return f"Did you mean {before}{meant}?"
    return f"Use {before and before + ' and '}one of: {', '.join(choices)}."


def _as_in_python(value: object) -> str:
    """A schema is a Python value, which need not be one of TOML."""
    return shorten(repr(value).replace("\n", " "))


def _followed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    return follow(schema) if _is_shared(schema.get("$ref")) else schema


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) and all(isinstance(name, str) for name in value)


def _is_written(value: Any) -> bool:
    """Whether TOML can write a value: it has no null, and no tuples."""
    if isinstance(value, list):
        return all(map(_is_written, value))
    if isinstance(value, Mapping):
        return _is_table(value) and all(map(_is_written, value.values()))
    return isinstance(value, (bool, int, float, str))


def _is_pattern(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(re.compile(value))
    except re.error:
        return False


def _is_shared(value: Any) -> bool:
    return value in [SHARED + name for name in _definitions()]


def _shared_instead(value: Any) -> str:
    return _instead(str(value).rpartition("/")[2], _definitions(), SHARED)


def _definitions() -> list[str]:
    return list(read_schema("common.json")["$defs"])


TYPES = ("array", "boolean", "integer", "number", "object", "string")
Form = tuple[Callable[[Any], bool], "str | Callable[[Any], str]"]
TEXT: Form = (_is_text, "Write some text.")
COUNT: Form = (_is_count, "Use an integer >= 0.")
NUMBER: Form = (is_number, "Use a finite number.")
MARK: Form = (lambda value: value is True, "Use true, or leave it out.")
VALUE: Form = (_is_written, "Use a value that TOML has.")
NAMED: Form = (_is_table, "Give a table of schemas.")

# Each keyword: what its value has to be, and how a message says so.
FORMS: Mapping[str, Form] = {
    "type": (lambda value: value in TYPES, lambda value: _instead(value, TYPES)),
    "properties": NAMED,
    "required": (
        lambda value: isinstance(value, list) and all(map(_is_text, value)),
        "Give a list of names of properties.",
    ),
    "additionalProperties": (
        lambda value: isinstance(value, (bool, Mapping)),
        "Use false, or a schema of their values.",
    ),
    "items": (lambda value: isinstance(value, Mapping), "Give the schema of each item."),
    "minItems": COUNT,
    "maxItems": COUNT,
    "minimum": NUMBER,
    "maximum": NUMBER,
    "exclusiveMinimum": NUMBER,
    "exclusiveMaximum": NUMBER,
    "minLength": COUNT,
    "maxLength": COUNT,
    "pattern": (_is_pattern, "Use a regular expression."),
    "enum": (
        lambda value: isinstance(value, list) and value != [] and _is_written(value),
        "Give a list of one or more values that TOML has.",
    ),
    "const": VALUE,
    "default": VALUE,
    "anyOf": (
        lambda value: isinstance(value, list) and value != [],
        "Give a list of one or more schemas.",
    ),
    "description": TEXT,
    "title": TEXT,
    "$schema": TEXT,
    "$id": TEXT,
    "$ref": (_is_shared, _shared_instead),
    "$defs": NAMED,
    "x-zoo-kind": (lambda value: value in KINDS, lambda value: _instead(value, KINDS)),
    "x-zoo-path": MARK,
    "x-zoo-body": MARK,
    "x-zoo-words": TEXT,
}
