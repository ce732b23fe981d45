"""Values that a schema allows, for trying an entry of which nobody says what to try."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from itertools import islice, product
from typing import Any, Final

from zoo.architecture.schema import Schema, validate
from zoo.errors import format_value
from zoo.plugins.records import Entry, LayerEntry
from zoo.plugins.registry import Registry
from zoo.spec.schemas import follow

INTEGERS: Final = (2, 3, 1, 0, 4)
NUMBERS: Final = (0.1, 0.5, 1.0, 2.0, 0.0)
MOST: Final = 40  # combinations of required parameters that are tried


def body(channels: int) -> list[dict[str, Any]]:
    """Layers for the body of another one: they give back the shape of so many channels."""
    convolution = {"type": "conv2d", "out_channels": channels, "kernel_size": 3, "padding": 1}
    return [convolution, {"type": "sigmoid"}]


def is_body(schema: Schema) -> bool:
    """Whether a parameter is a body of layers."""
    return "x-zoo-body" in follow(schema)


def required(entry: Entry, registry: Registry) -> Iterator[dict[str, Any]]:
    """Tables with the entry's required parameters but for bodies, the most plausible first."""
    properties = entry.schema.get("properties", {})
    names = [name for name in entry.schema.get("required", ()) if not is_body(properties[name])]
    choices = []
    for position, name in enumerate(names):
        found = list(values(properties[name], registry))
        turn = position % max(len(found), 1)  # so that two numbers differ
        choices.append([*found[turn:], *found[:turn]])
    tables = (dict(zip(names, chosen, strict=True)) for chosen in product(*choices))
    return islice(tables, MOST)


def variations(
    entry: Entry, registry: Registry, parameters: Mapping[str, Any], skip: Container[str]
) -> Iterator[list[dict[str, Any]]]:
    """Lists of tables with one other value of one parameter, the most plausible first.

    There is a list for each way to write a parameter: each choice of a few, and each form of one
    that may be a number or a list; and one for the smallest of an integer, such as a kernel of 1.

    Args:
        entry: whose parameters are varied, but for bodies and what is inferred.
        registry: has the entries that they can name.
        parameters: those that are varied from.
        skip: names to leave as they are.
    """
    inferred = entry.inferred if isinstance(entry, LayerEntry) else {}
    for name, schema in entry.schema.get("properties", {}).items():
        if name in skip or name in inferred or is_body(schema):
            continue
        before = format_value(parameters.get(name, schema.get("default")))
        followed = follow(schema)
        forms = followed.get("anyOf", [{"enum": [each]} for each in followed.get("enum", ())])
        for form in forms or [schema]:
            found = values({"default": schema.get("default"), **form}, registry)
            tables = [{name: value} for value in found if format_value(value) != before]
            yield tables
            least = follow(form).get("minimum")
            if follow(form).get("type") == "integer" and format_value(least) != before:
                yield [table for table in tables[1:] if table[name] == least]


def values(schema: Schema, registry: Registry) -> Iterator[Any]:
    """Some values that the schema allows, the most plausible first; none for texts and paths."""
    schema = follow(schema)
    for value in _plausible(schema, registry):
        if not any(validate(value, schema)):
            yield value


def _plausible(schema: Schema, registry: Registry) -> Iterator[Any]:
    if "const" in schema or "enum" in schema:
        yield from schema.get("enum", [schema.get("const")])
    elif "anyOf" in schema:
        for option in schema["anyOf"]:
            yield from values(option, registry)
    elif "x-zoo-kind" in schema:
        yield from _bare_names(str(schema["x-zoo-kind"]), registry)
    else:
        yield from _of_type(schema, registry)


def _of_type(schema: Schema, registry: Registry) -> Iterator[Any]:
    kind, default = schema.get("type"), schema.get("default")
    if kind == "boolean":
        yield from (True, False)
    elif kind == "integer":
        yield from INTEGERS
        if "minimum" in schema:  # where all of these are below it
            yield from (schema["minimum"] + more for more in (2, 1, 3, 0))
    elif kind == "number":
        if isinstance(default, (int, float)) and default:
            yield default / 2
        yield from NUMBERS
    elif kind == "array":
        count = schema.get("minItems", 1)
        items = list(values(schema.get("items", {}), registry))
        yield from (items[start : start + count] for start in range(len(items)))


def _bare_names(kind: str, registry: Registry) -> list[str]:
    """The entries of that kind that need no parameters."""
    return [
        item.entry.name
        for item in registry
        if item.entry.kind == kind and not item.entry.schema.get("required")
    ]
