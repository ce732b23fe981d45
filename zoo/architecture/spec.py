"""The frozen specification that a checked architecture file becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from zoo.architecture.schema import follow
from zoo.registry import Registry


@dataclass(frozen=True)
class Component:
    """Something that a registered entry builds.

    Attributes:
        kind: layer, loss, optimizer, initializer, schedule, noise or source.
        type: the entry's name.
        parameters: its parameters; a nested Component where a parameter names an entry itself.
        path: where it stands in the file, for messages.
    """

    kind: str
    type: str
    parameters: Mapping[str, Any]
    path: tuple[str | int, ...]


@dataclass(frozen=True)
class Input:
    """Shape of a training crop: channels, height and width in pixels."""

    channels: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.channels, self.height, self.width


@dataclass(frozen=True)
class Data:
    """The ``[data]`` table; see ``schemas/architecture.json`` for each field."""

    source: Component
    validation: Component | None
    validation_fraction: float
    noise: Component | None
    evaluation_noise: Component | None
    target: str
    samples_per_epoch: int | None
    augment: Mapping[str, Any]


@dataclass(frozen=True)
class Train:
    """The ``[train]`` table; see ``schemas/architecture.json`` for each field."""

    epochs: int
    batch_size: int
    schedule: Component
    seed: int


@dataclass(frozen=True)
class Architecture:
    """A checked architecture.

    Attributes:
        file: the file it was read from, as the user named it.
        text: the resolved TOML: every default filled in, every path absolute.
    """

    name: str
    input: Input
    layers: tuple[Component, ...]
    loss: Component
    optimizer: Component
    data: Data
    train: Train
    file: str
    text: str


def build_spec(
    document: Mapping[str, Any], registry: Registry, file: str, text: str
) -> Architecture:
    """The specification of a resolved document without problems."""

    def component(kind: str, table: Mapping[str, Any], *path: str | int) -> Component:
        return build_component(kind, table, registry, path)

    def optional(kind: str, table: Mapping[str, Any] | None, *path: str | int) -> Component | None:
        return None if table is None else component(kind, table, *path)

    data, train = document["data"], document["train"]
    return Architecture(
        name=document["name"],
        input=Input(**document["input"]),
        layers=tuple(
            component("layer", layer, "layers", position)
            for position, layer in enumerate(document["layers"])
        ),
        loss=component("loss", document["loss"], "loss"),
        optimizer=component("optimizer", document["optimizer"], "optimizer"),
        data=Data(
            source=component("source", data["source"], "data", "source"),
            validation=optional("source", data.get("validation"), "data", "validation"),
            validation_fraction=data["validation_fraction"],
            noise=optional("noise", data.get("noise"), "data", "noise"),
            evaluation_noise=optional(
                "noise", data.get("evaluation_noise", data.get("noise")), "data", "evaluation_noise"
            ),
            target=data["target"],
            samples_per_epoch=data.get("samples_per_epoch"),
            augment=MappingProxyType(data["augment"]),
        ),
        train=Train(
            epochs=train["epochs"],
            batch_size=train["batch_size"],
            schedule=component("schedule", train["schedule"], "train", "schedule"),
            seed=train["seed"],
        ),
        file=file,
        text=text,
    )


def build_component(
    kind: str,
    table: Mapping[str, Any],
    registry: Registry,
    path: tuple[str | int, ...] = (),
) -> Component:
    """The component of a resolved table, and of the tables in it that name entries."""
    properties = registry.get(kind, table["type"]).entry.schema.get("properties", {})
    parameters: dict[str, Any] = {}
    for key, value in table.items():
        if key == "type":
            continue
        nested = follow(properties[key]).get("x-zoo-kind")
        parameters[key] = (
            build_component(nested, value, registry, (*path, key)) if nested else value
        )
    return Component(kind, table["type"], MappingProxyType(parameters), path)
