"""The parts that the schema for editors is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from zoo.architecture.schema import Schema
from zoo.spec.schemas import follow

Json = dict[str, Any]


def offered(*schemas: Json) -> Json:
    """What Taplo completes; it refuses nothing.

    ``properties`` keeps the key from being offered once for each alternative below it.
    """
    return {"properties": {}, "allOf": [{"anyOf": [*schemas, True]}]}


def chosen(kind: str, whole: bool) -> Json:
    """A value that names an entry of that kind."""
    result: Json = {"properties": {}, "allOf": [reference(kind)]}
    return result | (if_table(reference(f"{kind}.required")) if whole else {})


def chosen_by(kind: str, schemas: Mapping[str, Schema]) -> Json:
    """The table that its ``type`` says; without a type it has parameters of any."""
    keys = sorted({key for schema in schemas.values() for key in properties(schema)})
    name = {
        "type": ["string", "object"],
        **if_table(reference("variable")),
        "else": {"enum": sorted(schemas)},
    }
    tables = [{"if": has_type(each), "then": reference(f"{kind}.{each}")} for each in schemas]
    return {
        "if": {"required": ["type"]},
        "then": {"properties": {"type": name}, **({"allOf": tables} if tables else {})},
        "else": {"properties": dict.fromkeys(keys, True), "additionalProperties": False},
    }


def required_of(schemas: Mapping[str, Schema]) -> Json:
    """What a table must have that names an entry."""
    needs = [
        {"if": has_type(name), "then": {"required": schema["required"]}}
        for name, schema in schemas.items()
        if schema.get("required")
    ]
    table: Json = {"required": ["type"], **({"allOf": needs} if needs else {})}
    return variable_or(table)


def required_below(schema: Schema) -> Json:
    """What a table of the file, and the tables in it, must have."""
    if "x-zoo-kind" in schema:
        return if_table(reference(f"{schema['x-zoo-kind']}.required"))
    below = {key: required_below(subschema) for key, subschema in properties(schema).items()}
    below = {key: subschema for key, subschema in below.items() if subschema}
    result = {"required": schema["required"]} if schema.get("required") else {}
    return result | ({"properties": below} if below else {})


def names(names: list[str], summaries: Mapping[str, str]) -> Json:
    """Names to choose from, with the words of each."""
    docs = {"enumValues": [summaries[name] for name in names]}
    return {"enum": names, "x-taplo": {"docs": docs}}


def reference(name: str) -> Json:
    """What the definition of that name says."""
    return {"$ref": f"#/definitions/{name}"}


def if_table(then: Json) -> Json:
    """What holds if the value is a table."""
    return {"if": {"type": "object"}, "then": then}


def has_type(name: str) -> Json:
    """Whether it is a table of that type."""
    return {"properties": {"type": {"const": name}}, "required": ["type"]}


def variable_or(otherwise: Json | bool) -> Json:
    """A table is a variable or else what ``otherwise`` says."""
    is_variable: Json = {"required": ["var"], "propertyNames": {"enum": ["var", "times"]}}
    return {"if": is_variable, "then": reference("variable"), "else": otherwise}


def properties(schema: Schema) -> Mapping[str, Schema]:
    """The schemas of a table's keys."""
    properties: Mapping[str, Schema] = schema.get("properties", {})
    return properties


def options(schema: Schema) -> list[Schema]:
    """The alternatives of a schema, those of alternatives included."""
    schema = follow(schema)
    if "anyOf" not in schema:
        return [schema]
    return [leaf for option in schema["anyOf"] for leaf in options(option)]


def types(schema: Schema) -> Iterable[str]:
    """The JSON types of the values of a schema of one type; empty where it is not that simple."""
    names = {bool: "boolean", int: "integer", float: "number", str: "string"}
    if "enum" in schema:
        return dict.fromkeys(names.get(type(value), "object") for value in schema["enum"])
    return [schema["type"]] if isinstance(schema.get("type"), str) else []


def types_of(value: Json) -> list[str]:
    """The types of a composed value; those of the kinds stand in their definitions."""
    types = value.get("type", ["string", "object"])
    return [types] if isinstance(types, str) else list(types)


def without_type(schema: Json) -> Json:
    """A schema that is used where the type is known."""
    return {key: subschema for key, subschema in schema.items() if key != "type"}
