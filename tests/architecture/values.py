"""Any value that a schema allows, drawn from the schema itself."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor
from typing import Any

from hypothesis import strategies as st

from zoo.errors import ArgumentError
from zoo.plugins.records import Entry
from zoo.plugins.registry import Registry
from zoo.spec.schemas import follow

Document = dict[str, Any]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PATH = st.text(st.sampled_from("ab/.ö 図'"), min_size=1, max_size=6)
NAME = st.text(st.sampled_from("aZ09_.-"), max_size=6).map(lambda rest: f"n{rest}")


def values(schema: Mapping[str, Any], registry: Registry) -> st.SearchStrategy[Any]:
    """Any value that a schema allows; of integers and texts small ones."""
    schema = follow(schema)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "anyOf" in schema:
        return st.one_of(*(values(option, registry) for option in schema["anyOf"]))
    if "x-zoo-kind" in schema:
        return components(registry, schema["x-zoo-kind"])
    if "x-zoo-path" in schema:
        return PATH
    if "pattern" in schema:
        return NAME
    least = schema.get("minItems", schema.get("minLength", 0))
    match schema["type"]:
        case "integer":
            low = schema.get("minimum", -3)
            return st.integers(low, min(schema.get("maximum", low + 3), low + 3))
        case "number":
            return _numbers(schema)
        case "boolean":
            return st.booleans()
        case "string":
            return TEXT.filter(lambda text: len(text) >= least)
        case "array":
            return st.lists(
                values(schema["items"], registry), min_size=least, max_size=schema["maxItems"]
            )
        case _:
            return tables(schema, registry)


def _numbers(schema: Mapping[str, Any]) -> st.SearchStrategy[float]:
    low = max(schema.get("minimum", schema.get("exclusiveMinimum", -100)), -(10**9))
    high = min(schema.get("maximum", schema.get("exclusiveMaximum", 100)), 10**9)
    above, below = "exclusiveMinimum" in schema, "exclusiveMaximum" in schema
    floats = st.floats(low, high, exclude_min=above, exclude_max=below, allow_subnormal=False)
    least, most = ceil(low) + above, floor(high) - below
    return floats if least > most else floats | st.integers(least, most)


@st.composite
def tables(draw: st.DrawFn, schema: Mapping[str, Any], registry: Registry) -> Document:
    """A table with the required keys of a schema and any of the others."""
    required = schema.get("required", [])
    return {
        key: draw(values(item, registry))
        for key, item in schema.get("properties", {}).items()
        if key in required or draw(st.booleans())
    }


@st.composite
def components(draw: st.DrawFn, registry: Registry, kind: str) -> Any:
    """The name of an entry, or a table with its type and parameters."""
    entry = registry.get(kind, draw(st.sampled_from(registry.names(kind)))).entry
    parameters = draw(tables(entry.schema, registry).filter(lambda table: _together(entry, table)))
    if not parameters and draw(st.booleans()):
        return entry.name
    return {"type": entry.name, **parameters}


def _together(entry: Entry, parameters: Document) -> bool:
    check = entry.load_check()
    try:
        if check:
            check(entry.name, {**defaults(entry), **parameters})
    except ArgumentError:
        return False
    return True


def defaults(entry: Entry) -> Document:
    """The default of every parameter that has one."""
    properties = entry.schema.get("properties", {})
    return {key: item["default"] for key, item in properties.items() if "default" in item}


def bodies_of(entry: Entry) -> set[str]:
    """The parameters that are bodies of layers."""
    properties = entry.schema.get("properties", {})
    return {key for key, item in properties.items() if "x-zoo-body" in follow(item)}
