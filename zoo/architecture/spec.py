"""The frozen specification that a checked architecture file becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from zoo.architecture.component import Component, build_component
from zoo.architecture.document import Node, TomlPath
from zoo.architecture.infer_shapes import InferredShapes
from zoo.errors import ArchitectureError, format_path
from zoo.plugins.registry import Registry


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
    value_range: tuple[float, float] | None = None  # black and white; None for what files say


@dataclass(frozen=True)
class Train:
    """The ``[train]`` table; see ``schemas/architecture.json`` for each field."""

    epochs: int
    batch_size: int
    schedule: Component
    precision: str
    seed: int


@dataclass(frozen=True)
class Architecture:
    """A checked architecture.

    Attributes:
        layers: the layers, inferred parameters filled in.
        file: the file it was read from, as the user named it.
        text: the resolved TOML: variables and blocks put in place, every default filled in, every
            path absolute.
        shapes: what each layer makes of a training crop.
        root: the document, in which each value knows where it is written.
    """

    name: str
    description: str
    input: Input
    layers: tuple[Component, ...]
    loss: Component
    optimizer: Component
    data: Data
    train: Train
    file: str
    text: str
    shapes: InferredShapes = field(compare=False, repr=False)
    root: Node = field(compare=False, repr=False)

    def error(self, path: TomlPath, message: str) -> ArchitectureError:
        """A mistake that shows only when the architecture is used, at ``path``."""
        location = self.root.nearest(path).location
        return ArchitectureError([location.problem(message, subject=format_path(path))])


def build_spec(
    document: Mapping[str, Any], registry: Registry, root: Node, shapes: InferredShapes, text: str
) -> Architecture:
    """The specification of a resolved document without problems."""

    def component(kind: str, *path: str) -> Component:
        return build_component(kind, _at(document, path), registry, path)

    def optional(kind: str, *path: str) -> Component | None:
        return component(kind, *path) if path[-1] in _at(document, path[:-1]) else None

    data, train = document["data"], document["train"]
    noise = optional("noise", "data", "noise")
    return Architecture(
        name=document["name"],
        description=document.get("description", ""),
        input=Input(**document["input"]),
        layers=shapes.components,
        loss=component("loss", "loss"),
        optimizer=component("optimizer", "optimizer"),
        data=Data(
            source=component("source", "data", "source"),
            validation=optional("source", "data", "validation"),
            validation_fraction=data["validation_fraction"],
            noise=noise,
            evaluation_noise=optional("noise", "data", "evaluation_noise") or noise,
            target=data["target"],
            samples_per_epoch=data.get("samples_per_epoch"),
            augment=MappingProxyType(data["augment"]),
            value_range=_value_range(data),
        ),
        train=Train(
            epochs=train["epochs"],
            batch_size=train["batch_size"],
            schedule=component("schedule", "train", "schedule"),
            precision=train["precision"],
            seed=train["seed"],
        ),
        file=root.location.file.name,
        text=text,
        shapes=shapes,
        root=root,
    )


def _value_range(data: Mapping[str, Any]) -> tuple[float, float] | None:
    given = data.get("range", "type")
    return None if given == "type" else (float(given[0]), float(given[1]))


def _at(document: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = document
    for key in path:
        value = value[key]
    return value
