"""The schema of an architecture file with the schemas of all entries in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from zoo.architecture.schema import Schema
from zoo.describe.editor_schema.parts import (
    Json,
    chosen,
    chosen_by,
    if_table,
    names,
    offered,
    options,
    properties,
    reference,
    required_below,
    required_of,
    types,
    types_of,
    variable_or,
    without_type,
)
from zoo.errors import PluginError
from zoo.plugins.records import BLOCK, KINDS, Entry
from zoo.plugins.registry import Registry
from zoo.spec.schemas import follow, read_schema

SHOWN: Final = ("description", "default")  # stand beside what is allowed
OWN: Final = ("$schema", "$id", "$defs", "title", "x-zoo-path", "x-zoo-words")  # mean nothing here


class Composer:
    """Composes the schema of a registry's entries; :mod:`zoo.describe.editor_schema` says how."""

    def __init__(self, registry: Registry) -> None:
        self.entries = {record.kind: _entries(registry, record.kind) for record in KINDS}
        self.definitions: Json = {}

    def document(self) -> Json:
        """The schema of an architecture file, without its ``$schema``."""
        schema = read_schema("architecture.json")
        top = {key: self._plain(subschema) for key, subschema in schema["properties"].items()}
        self._define_variable()
        self._define_body()
        for kind in self.entries:
            self._define_kind(kind)
        return {
            "title": schema["title"],
            "type": "object",
            "properties": top,
            "additionalProperties": False,
            "if": {"required": ["extends"]},
            "else": required_below(schema),
            "definitions": dict(sorted(self.definitions.items())),
        }

    def _plain(self, schema: Schema, whole: bool = False) -> Json:
        """What a schema allows, with variables in it, but not as a variable itself.

        ``whole`` says that a table is not merged with that of another file.
        """
        schema = follow(schema)
        result: Json = {key: schema[key] for key in SHOWN if key in schema}
        if "x-zoo-kind" in schema:
            return result | chosen(schema["x-zoo-kind"], whole)
        if "x-zoo-body" in schema:
            return result | {"properties": {}, "allOf": [reference("body")]}
        if "anyOf" in schema or "enum" in schema:
            return result | self._alternatives(options(schema), result)
        return result | self._keywords(schema, whole)

    def _value(self, schema: Schema, whole: bool = True) -> Json:
        """What a schema allows, or a variable."""
        plain = self._plain(schema, whole)
        kind = plain.get("type")
        if kind is None or "if" in plain or "anyOf" in plain:
            return plain  # the kinds and alternatives have the variable among their own
        shown: Json = {key: plain.pop(key) for key in SHOWN if key in plain}
        if kind != "object":
            own = without_type(plain)
            allowed = {**if_table(reference("variable")), **({"else": own} if own else {})}
            return {**shown, "type": [kind, "object"], **allowed}
        if not whole:  # one of the file's own tables, whose keys are to be offered
            return {**shown, **plain}
        return {**shown, "type": kind, **variable_or(plain), **offered(plain)}

    def _keywords(self, schema: Schema, whole: bool) -> Json:
        """The keywords that a schema of one type has, without those of zoo alone."""
        result: Json = {}
        for key, subschema in schema.items():
            if key == "properties":
                result[key] = {name: self._value(each, whole) for name, each in subschema.items()}
            elif key == "items":
                result[key] = self._value(subschema)
            elif key == "additionalProperties" and isinstance(subschema, Mapping):
                result[key] = self._plain(subschema, whole=True)
            elif key != "required" or whole:
                result[key] = subschema
        return {key: subschema for key, subschema in result.items() if key not in (*SHOWN, *OWN)}

    def _alternatives(self, choices: list[Schema], shown: Json) -> Json:
        """One of several schemas or a variable, chosen by the type of the value."""
        by_type: dict[str, list[Json]] = {}
        for choice in choices:
            for each in types(choice):
                allowed = without_type(self._keywords(choice, whole=True))
                by_type.setdefault(each, []).append(allowed)
        if not all(map(types, choices)) or {"integer", "number"} <= set(by_type):
            return {"anyOf": [*map(self._plain, choices), reference("variable")]}
        tables = by_type.pop("object", [])
        variable = reference("variable")
        result = branch = if_table(variable_or({"anyOf": tables}) if tables else variable)
        for each, found in by_type.items():
            allowed = found[0] if len(found) == 1 else {"anyOf": found}
            branch["else"] = {"if": {"type": each}, "then": allowed}
            branch = branch["else"]
        words = [{**shown, "enum": choice["enum"]} for choice in choices if "enum" in choice]
        return {"type": [*by_type, "object"], **result, **(offered(*words) if words else {})}

    def _define_variable(self) -> None:
        self.definitions["variable"] = {
            "type": "object",
            "properties": {
                "var": {
                    "type": "string",
                    "description": "Name of a variable, as in [vars], or such as input.channels.",
                },
                "times": {
                    "type": "integer",
                    "minimum": 1,
                    "description": "What an integer is multiplied by.",
                },
            },
            "required": ["var"],
            "additionalProperties": False,
        }

    def _define_body(self) -> None:
        block = self._keywords(read_schema("block.json"), whole=True)
        layers = self._plain({"$ref": "urn:zoo:common#/$defs/layers"})
        self.definitions["body"] = {
            "type": ["string", "object", "array"],
            "if": {"type": "object"},
            "then": variable_or(block),
            "else": without_type(layers),
            **offered(block),
        }

    def _define_kind(self, kind: str) -> None:
        entries = self.entries[kind]
        schemas = {name: entry.schema for name, entry in entries.items()}
        summaries = {name: entry.summary for name, entry in entries.items()}
        if kind == "layer":
            schemas[BLOCK] = read_schema("block.json")
            summaries[BLOCK] = schemas[BLOCK]["title"]
        for name, schema in schemas.items():
            self.definitions[f"{kind}.{name}"] = self._table(schema, summaries[name])
        bare = [name for name, schema in schemas.items() if not schema.get("required")]
        strings: Json = {"enum": bare}
        if kind == "source":  # or the path of images, unless it is a name that needs parameters
            strings = {"minLength": 1, "not": {"enum": sorted(set(schemas) - set(bare))}}
        self.definitions[kind] = {
            "type": ["string", "object"],
            "if": {"type": "string"},
            "then": strings,
            "else": variable_or(chosen_by(kind, schemas)),
            **offered(names(bare, summaries), self._any_table(schemas, summaries)),
        }
        self.definitions[f"{kind}.required"] = required_of(schemas)

    def _table(self, schema: Schema, summary: str) -> Json:
        """The closed table of an entry's parameters, none of them required."""
        parameters = {key: self._value(subschema) for key, subschema in properties(schema).items()}
        return {
            "description": summary,
            "properties": {"type": True, **parameters},
            "additionalProperties": False,
        }

    def _any_table(self, schemas: Mapping[str, Schema], summaries: Mapping[str, str]) -> Json:
        """The parameters of all entries, with the words of each, to be offered."""
        users: dict[str, dict[str, Schema]] = {}
        for name, schema in schemas.items():
            for key, subschema in properties(schema).items():
                users.setdefault(key, {})[name] = subschema
        kind = {"description": "Which one it is.", **names(list(schemas), summaries)}
        merged = {key: self._merged(items) for key, items in sorted(users.items())}
        return {"type": "object", "properties": {"type": kind, **merged}}

    def _merged(self, schemas: Mapping[str, Schema]) -> Json:
        """One parameter of several entries, in the words of each."""
        values: list[Json] = []
        described: dict[str, list[str]] = {}
        for name, schema in schemas.items():
            value = self._value(schema)
            values += [value] if value not in values else []
            described.setdefault(value.get("description", ""), []).append(name)
        if len(values) == 1:
            return values[0]
        words = [f"{', '.join(users)}: {text}" for text, users in described.items()]
        default = values[0].get("default")
        same = default is not None and all(value.get("default") == default for value in values)
        return {
            "description": "\n\n".join(words) if len(words) > 1 else next(iter(described)),
            "type": list(dict.fromkeys(each for value in values for each in types_of(value))),
            **({"default": default} if same else {}),
            **offered(*values),
        }


def _entries(registry: Registry, kind: str) -> dict[str, Entry]:
    """The entries of a kind whose names one plugin provides."""
    result = {}
    for name in registry.names(kind):
        try:
            result[name] = registry.get(kind, name).entry
        except PluginError:
            continue
    return result
