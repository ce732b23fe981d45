"""An entry in words: what it is, its parameters, how it is written, who provides it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.architecture.schema import Schema, describe
from zoo.describe.docstring import Docstring, read_docstring
from zoo.describe.example import example
from zoo.describe.source import Definition, find_definition
from zoo.errors import format_value
from zoo.plugins.records import Entry, LayerEntry
from zoo.plugins.registry import Registered, Registry
from zoo.spec.schemas import follow


@dataclass(frozen=True)
class Parameter:
    """A parameter of an entry.

    Attributes:
        name: its key in a file.
        type: what is allowed, in words.
        description: what it is, or "".
        required: whether it must be given.
        inferred: whether it follows from the layer's input when left out.
        schema: its schema; has its "default", if any.
    """

    name: str
    type: str
    description: str
    required: bool
    inferred: bool
    schema: Schema

    @property
    def unless_given(self) -> str:
        """What holds when it is left out: ``default 1``, ``inferred``, ``required``."""
        if self.required:
            return "required"
        if self.inferred:
            return "inferred"
        return (
            f"default {format_value(self.schema['default'])}"
            if "default" in self.schema
            else "optional"
        )

    def to_dict(self) -> dict[str, Any]:
        """For JSON; ``default`` only where there is one."""
        return {
            "name": self.name,
            "type": self.type,
            "description": self.description,
            "required": self.required,
            "inferred": self.inferred,
            **({"default": self.schema["default"]} if "default" in self.schema else {}),
        }


@dataclass(frozen=True)
class Details:
    """All that is known of an entry without importing it.

    Attributes:
        registered: the entry and its provider.
        parameters: in the order of its schema.
        example: how it is written in a file.
        docstring: that of its factory.
        definition: where the factory is written; None where that is not found.
    """

    registered: Registered
    parameters: tuple[Parameter, ...]
    example: str
    docstring: Docstring
    definition: Definition | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON: what :func:`summary` has, and the rest."""
        definition = self.definition
        return {
            **summary(self.registered),
            "parameters": [parameter.to_dict() for parameter in self.parameters],
            "example": self.example,
            "description": self.docstring.text,
            "formulas": self.docstring.formulas,
            "shapes": self.docstring.shapes,
            "source": self.docstring.source,
            "location": definition and {"file": str(definition.file), "line": definition.line},
        }


def summary(registered: Registered) -> dict[str, Any]:
    """An entry in a line, for JSON."""
    entry, provider = registered.entry, registered.provider
    return {
        "kind": entry.kind,
        "name": entry.name,
        "summary": entry.summary,
        "provider": {"distribution": provider.distribution, "version": provider.version},
    }


def details(registered: Registered, registry: Registry) -> Details:
    """Describe an entry; the registry gives names for its example."""
    entry = registered.entry
    definition = find_definition(entry.factory)
    return Details(
        registered=registered,
        parameters=tuple(_parameters(entry)),
        example=example(entry, registry),
        docstring=read_docstring(definition.docstring if definition else ""),
        definition=definition,
    )


def _parameters(entry: Entry) -> list[Parameter]:
    properties: Mapping[str, Schema] = entry.schema.get("properties", {})
    required = entry.schema.get("required", ())
    inferred = entry.inferred if isinstance(entry, LayerEntry) else ()
    return [
        Parameter(
            name=name,
            type=describe(schema),
            description=str(follow(schema).get("description", "")),
            required=name in required,
            inferred=name in inferred,
            schema=follow(schema),
        )
        for name, schema in properties.items()
    ]
