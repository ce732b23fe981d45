"""How an entry is written in a file: a small example that is valid."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain, combinations
from typing import Any, Final

from zoo.architecture.schema import Schema, validate
from zoo.errors import format_value
from zoo.plugins.isolation import isolated
from zoo.plugins.records import Entry
from zoo.plugins.registry import Registry
from zoo.spec.schemas import follow

# Where a value of a kind stands: the header of the table, and the key if it is not the table.
PLACES: Final[Mapping[str, tuple[str, str]]] = {
    "layer": ("[[layers]]", ""),
    "loss": ("[loss]", ""),
    "optimizer": ("[optimizer]", ""),
    "initializer": ("", "init"),
    "schedule": ("[train]", "schedule"),
    "noise": ("[data]", "noise"),
    "pairing": ("[data]", "target"),
    "source": ("[data]", "source"),
}

# What a person would write, tried before a value is made up from the schema.
PLAUSIBLE: Final[tuple[int | float | str, ...]] = (3, 0.1, "path/to/images")
PLAUSIBLE_BY_NAME: Final[Mapping[str, int | float]] = {
    "out_channels": 32,
    "channels": 32,
    "out_features": 64,
    "scale_factor": 2,
    "every": 5,
    "high": 0.1,
    "low": -0.1,
}


def example(entry: Entry, registry: Registry) -> str:
    """The entry in TOML with what is required only.

    Where required parameters alone do not go together, optional ones are added until they do.
    """
    header, key = PLACES[entry.kind]
    parameters = _parameters(entry, registry)
    items = [f"{name} = {format_value(value)}" for name, value in parameters.items()]
    table = [f"type = {format_value(entry.name)}", *items]
    if key:
        table = [f"{key} = {'{ ' + ', '.join(table) + ' }' if items else format_value(entry.name)}"]
    return "\n".join([header, *table] if header else table)


def _parameters(entry: Entry, registry: Registry) -> dict[str, Any]:
    properties: Mapping[str, Schema] = entry.schema.get("properties", {})
    required = entry.schema.get("required", ())
    values = {name: _sample(name, schema, registry) for name, schema in properties.items()}
    optional = [name for name in properties if name not in required]
    for added in chain.from_iterable(combinations(optional, count) for count in range(3)):
        names = {*required, *added}
        parameters = {name: value for name, value in values.items() if name in names}
        if _go_together(entry, parameters):
            return parameters
    return {name: values[name] for name in required}


def _go_together(entry: Entry, parameters: Mapping[str, Any]) -> bool:
    properties: Mapping[str, Schema] = entry.schema.get("properties", {})
    defaults = {key: schema["default"] for key, schema in properties.items() if "default" in schema}
    try:
        check = entry.load_check()
        if check is not None:
            with isolated():
                check(entry.name, {**defaults, **parameters})
    except Exception:  # it says so, or is a plugin's and broken: not to be reported here
        return False
    return True


def _sample(name: str, schema: Schema, registry: Registry) -> Any:
    """A value that the schema allows."""
    schema = follow(schema)
    if "x-zoo-kind" in schema:
        return _bare_name(str(schema["x-zoo-kind"]), registry)
    if "x-zoo-body" in schema:
        return [_bare_name("layer", registry)]
    plausible = [PLAUSIBLE_BY_NAME[name]] if name in PLAUSIBLE_BY_NAME else []
    for value in [*plausible, *PLAUSIBLE, *_bounds(schema)]:
        if not any(validate(value, schema)):
            return value
    return _made_up(name, schema, registry)


def _bounds(schema: Schema) -> list[float]:
    """Values at and beside the limits of a number."""
    keys = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
    limits = [schema[key] for key in keys if key in schema]
    return [limit + step for limit in limits for step in (0, 1, -1)]


def _made_up(name: str, schema: Schema, registry: Registry) -> Any:
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "anyOf" in schema:
        return _sample(name, schema["anyOf"][0], registry)
    if schema.get("type") == "array":
        count = schema.get("minItems", 1)
        return [_sample(name, schema.get("items", {}), registry)] * count
    if schema.get("type") == "object":
        properties = schema.get("properties", {})
        required = schema.get("required", ())
        return {key: _sample(key, properties[key], registry) for key in required}
    return {"boolean": True, "string": "x" * schema.get("minLength", 1)}.get(schema["type"], 0)


def _bare_name(kind: str, registry: Registry) -> str:
    """An entry of that kind that needs no parameters."""
    names = [
        registered.entry.name
        for registered in registry
        if registered.entry.kind == kind and not registered.entry.schema.get("required")
    ]
    return names[0] if names else kind
