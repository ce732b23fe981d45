"""A schema against the factory it describes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from inspect import Parameter, signature
from typing import Any

from zoo.architecture.schema import validate
from zoo.errors import PluginError
from zoo.plugins.records import Entry, LayerEntry
from zoo.plugins.registry import Registry
from zoo.spec.schemas import follow

NOTHING = "none"


def schema_differences(entry: Entry, schema: Mapping[str, Any], registry: Registry) -> list[str]:
    """In what ``schema`` differs from the signature of the entry's factory, a line for each.

    Compared are the names and their order, the defaults, and what is required. An argument whose
    default is None is one that can be left out: TOML has no null.

    Args:
        entry: its factory is imported.
        schema: a schema of an object, such as the entry's own.
        registry: has the entries that the schema's defaults name.

    Raises:
        PluginError: the factory cannot be imported.
    """
    arguments = _arguments(entry)
    properties = schema.get("properties", {})
    found = []
    if list(properties) != list(arguments):
        found.append(
            f"the schema has {_names(properties)}, the factory {_names(arguments)}. "
            "Give both the same, in the same order."
        )
    for name in (name for name in properties if name in arguments):
        found += _different_default(name, arguments[name].default, properties[name], registry)
    inferred = entry.inferred if isinstance(entry, LayerEntry) else {}
    required = [
        name
        for name, argument in arguments.items()
        if argument.default is Parameter.empty and name not in inferred
    ]
    if list(schema.get("required", ())) != required:
        found.append(
            f"the schema requires {_names(schema.get('required', ()))}, the factory "
            f"{_names(required)}. Require the same, in the same order."
        )
    return found


def wrong_defaults(schema: Mapping[str, Any]) -> Iterator[str]:
    """Defaults in a schema that the schema itself would refuse, a line for each."""
    for name, item in schema.get("properties", {}).items():
        for error in validate(item["default"], item) if "default" in item else ():
            yield f"{name}: its own schema refuses the default: {error.message}."


def _arguments(entry: Entry) -> dict[str, Parameter]:
    """The arguments of the factory that an architecture file can give."""
    given = {"generator"}
    given |= {"channels", "value_range", "picture_cache"} if entry.kind == "source" else set()
    arguments = dict(signature(entry.load()).parameters)
    if entry.kind == "optimizer":
        arguments.pop(next(iter(arguments), ""), None)  # the pairs
    return {name: item for name, item in arguments.items() if name not in given}


def _different_default(
    name: str, default: Any, schema: Mapping[str, Any], registry: Registry
) -> Iterator[str]:
    written = _as_text(schema["default"]) if "default" in schema else NOTHING
    if default is Parameter.empty or default is None:
        expected = NOTHING
    elif not _is_written(default):
        expected = written if _names_it(schema, default, registry) else repr(default)
    else:
        expected = _as_text(default)
    if written != expected:
        yield f"the default of {name} is {written} in the schema and {expected} in the factory."


def _names_it(schema: Mapping[str, Any], default: Any, registry: Registry) -> bool:
    """Whether the schema's default is the name of an entry that builds ``default``."""
    name, kind = schema.get("default"), follow(schema).get("x-zoo-kind")
    if not isinstance(name, str) or kind is None:
        return False
    try:
        return bool(registry.get(str(kind), name).entry.load()() == default)
    except (KeyError, PluginError):
        return False


def _is_written(value: Any) -> bool:
    """Whether TOML can write a value."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_written, value))
    if isinstance(value, Mapping):
        return all(map(_is_written, value.values()))
    return isinstance(value, (bool, int, float, str))


def _as_text(value: Any) -> str:
    """As in an architecture file; in text, because 0, 0.0 and False are equal in Python."""
    return json.dumps(value)  # which writes a tuple as a list


def _names(names: Any) -> str:
    return ", ".join(names) or "nothing"
