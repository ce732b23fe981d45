"""The frozen specification that a checked architecture file becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal

import tomli
import tomli_w

from zoo.architecture.component import Component, build_component
from zoo.architecture.document import Node, TomlPath
from zoo.architecture.infer_shapes import InferredShapes
from zoo.architecture.paths import with_uris
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
    target: Component
    samples_per_epoch: int | None
    augment: Mapping[str, Any]
    # Black and white; None for what files say, "auto" for what the images span.
    value_range: tuple[float, float] | Literal["auto"] | None = None


@dataclass(frozen=True)
class Train:
    """The ``[train]`` table; see ``schemas/architecture.json`` for each field."""

    epochs: int
    batch_size: int
    schedule: Component
    precision: str
    backend: str
    seed: int
    checkpoint_every: Mapping[str, float]
    on_divergence: Mapping[str, Any]


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

    def with_range(self, low: float, high: float) -> Architecture:
        """The same with values for ``data.range``, in the place of ``auto``."""
        document = tomli.loads(self.text)
        document["data"]["range"] = [low, high]
        data = replace(self.data, value_range=(low, high))
        return replace(self, data=data, text=tomli_w.dumps(with_uris(document)))

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
    noise, validation = optional("noise", "data", "noise"), optional("source", "data", "validation")
    held_out_are_noisy = noise is not None and noise.type == "none" and validation is None
    of_evaluation = None if held_out_are_noisy else optional("noise", "data", "evaluation_noise")
    return Architecture(
        name=document["name"],
        description=document.get("description", ""),
        input=Input(**document["input"]),
        layers=shapes.components,
        loss=component("loss", "loss"),
        optimizer=component("optimizer", "optimizer"),
        data=Data(
            source=component("source", "data", "source"),
            validation=validation,
            validation_fraction=data["validation_fraction"],
            noise=noise,
            evaluation_noise=of_evaluation or noise,
            target=component("pairing", "data", "target"),
            samples_per_epoch=data.get("samples_per_epoch"),
            augment=MappingProxyType(data["augment"]),
            value_range=_value_range(data),
        ),
        train=Train(
            epochs=train["epochs"],
            batch_size=train["batch_size"],
            schedule=component("schedule", "train", "schedule"),
            precision=train["precision"],
            backend=train["backend"],
            seed=train["seed"],
            checkpoint_every=MappingProxyType(train["checkpoint_every"]),
            on_divergence=MappingProxyType(train["on_divergence"]),
        ),
        file=root.location.file.name,
        text=text,
        shapes=shapes,
        root=root,
    )


def _value_range(data: Mapping[str, Any]) -> tuple[float, float] | Literal["auto"] | None:
    given = data.get("range", "type")
    if isinstance(given, list):
        return float(given[0]), float(given[1])
    return None if given == "type" else "auto"


def _at(document: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = document
    for key in path:
        value = value[key]
    return value
