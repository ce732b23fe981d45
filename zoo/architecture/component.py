"""A thing of a checked file that a registered entry builds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from zoo.architecture.document import TomlPath
from zoo.plugins.registry import Registry
from zoo.spec.schemas import follow


@dataclass(frozen=True)
class Component:
    """Something that a registered entry builds.

    Attributes:
        kind: layer, loss, optimizer, initializer, schedule, noise or source.
        type: the entry's name.
        parameters: its parameters; a nested Component where a parameter names an entry itself, a
            tuple of them where it is a body of layers.
        path: where it stands in the document without variables and blocks.
    """

    kind: str
    type: str
    parameters: Mapping[str, Any]
    path: TomlPath

    @property
    def name(self) -> str:
        """The type and the texts among its parameters, as ``folder photos``, for messages."""
        texts = (value for value in self.parameters.values() if isinstance(value, str))
        return " ".join([self.type, *texts])


def build_component(
    kind: str, table: Mapping[str, Any], registry: Registry, path: TomlPath = ()
) -> Component:
    """The component of a resolved table, and of the tables in it that name entries."""
    properties = registry.get(kind, table["type"]).entry.schema.get("properties", {})
    parameters: dict[str, Any] = {}
    for key, value in table.items():
        if key == "type":
            continue
        schema, below = follow(properties[key]), (*path, key)
        if "x-zoo-kind" in schema:
            value = build_component(schema["x-zoo-kind"], value, registry, below)
        elif "x-zoo-body" in schema:
            value = build_layers(value, registry, below)
        parameters[key] = value
    return Component(kind, table["type"], MappingProxyType(parameters), path)


def build_layers(
    tables: list[Mapping[str, Any]], registry: Registry, path: TomlPath
) -> tuple[Component, ...]:
    """The components of a list of resolved layers."""
    return tuple(
        build_component("layer", table, registry, (*path, position))
        for position, table in enumerate(tables)
    )
