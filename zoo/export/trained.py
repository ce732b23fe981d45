"""The network that is exported, and where it is from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from zoo.architecture import Architecture, Component
from zoo.architecture.infer_shapes import ShapeInference
from zoo.describe.model_card import read_card
from zoo.errors import PluginError, ShapeError, UsageError
from zoo.files import to_json
from zoo.nn.sequential import Sequential
from zoo.plugins.records import LayerEntry
from zoo.plugins.registry import Registry
from zoo.spec.sizes import SizeRule, describe_sizes
from zoo.train.checkpoint import load_checkpoint
from zoo.train.environment import versions
from zoo.train.find_model import find_model
from zoo.train.inference_checkpoint import for_inference
from zoo.train.session import load_trained

Rules = tuple[SizeRule | None, SizeRule | None]
ANY: Final = SizeRule(1, 1)


@dataclass(frozen=True)
class Trained:
    """A trained network.

    Attributes:
        name: the last part of what the user named it.
        file: its checkpoint.
        architecture: its specification.
        registry: has the entries of its layers.
        network: in evaluation mode, of float32, on the CPU.
        rules: the heights and the widths that it gives back as they are; None where there is no
            rule.
        metrics: of the epoch that the weights are from.
        versions: of zoo and torch, by which it was trained.
        text: the resolved TOML of its architecture, without folders of the machine that it was
            trained on.
        licence: of the weights, "" where nothing is said.
    """

    name: str
    file: str
    architecture: Architecture
    registry: Registry
    network: Sequential
    rules: Rules
    metrics: Mapping[str, Any]
    versions: Mapping[str, str]
    text: str
    licence: str = ""

    @property
    def sizes(self) -> str:
        """The sizes that the network gives back, in words."""
        return describe_sizes(*self.rules)

    def size_rules(self, target: str) -> tuple[SizeRule, SizeRule]:
        """The rules by which images of any size are extended.

        Raises:
            UsageError: the network gives back few sizes, or those of no rule.
        """
        height, width = self.rules
        if height is None or width is None or not height.step or not width.step:
            one = height.first if height and height == width else "N"
            raise UsageError(
                f"{target}: the network gives back {self.sizes}. Use --to safetensors, or "
                f"--to onnx --tile {one} for images of one size."
            )
        return height, width

    def sizes_of_tile(self, target: str, tile: int) -> tuple[SizeRule, SizeRule]:
        """The rules by which images of tile x tile pixels are extended.

        Raises:
            UsageError: the network gives back no images of that size or a larger one.
        """
        shape = (self.architecture.input.channels, tile, tile)
        with suppress(ShapeError):
            if self.network.output_shape(shape) == shape:
                return ANY, ANY
        height, width = (rule.next(tile) if rule else None for rule in self.rules)
        if height is None or width is None:
            raise UsageError(f"{target}: --tile is {tile}; the network gives back {self.sizes}.")
        return SizeRule(height, height), SizeRule(width, width)

    def layers(self) -> Iterator[tuple[Component, LayerEntry, str]]:
        """Each layer of its file, those in bodies too: where it stands, its entry, its name."""
        for component in _all(self.architecture.layers):
            item = self.registry.get("layer", component.type)
            assert isinstance(item.entry, LayerEntry)
            yield component, item.entry, f"layer {item.entry.name!r} of {item.provider}"

    def require_all(self, field: str, what: str) -> None:
        """Refuse a network with layers that do not name a field of their entries.

        Raises:
            PluginError: there are some; names each with its line.
        """
        problems = [
            problem
            for component, entry, name in self.layers()
            if not getattr(entry, field)
            for problem in self.architecture.error(
                component.path,
                f"{name} {what}. Use --to safetensors, or name a function as its entry's {field}.",
            ).problems
        ]
        if problems:
            raise PluginError(*map(str, problems))

    def provenance(self) -> dict[str, str]:
        """What a file says of the network, all as text."""
        spec = self.architecture
        tall, wide = spec.shapes.receptive_field
        said = {
            "name": spec.name,
            "description": spec.description,
            "model": self.name,
            "licence": self.licence,
            "zoo_version": versions()["zoo"],
            "trained_with": to_json(self.versions),
            "metrics": to_json(self.metrics),
            "channels": str(spec.input.channels),
            "value_range": "[0, 1]",
            "files_range": to_json(spec.data.value_range) if spec.data.value_range else "",
            "sizes": self.sizes,
            "receptive_field": f"{tall}x{wide}",
            "architecture": self.text,
        }
        return {key: value for key, value in said.items() if value}


def _all(components: tuple[Component, ...]) -> Iterator[Component]:
    for component in components:
        yield component
        for value in component.parameters.values():
            if isinstance(value, tuple) and all(isinstance(item, Component) for item in value):
                yield from _all(value)


def load(model: str, registry: Registry, warn: Callable[[str], object]) -> Trained:
    """The network that a user names.

    Raises:
        CheckpointError, PluginError, ArchitectureError: as
            :func:`zoo.train.session.load_trained`.
    """
    found = find_model(model, registry)
    compiler, network = load_trained(found.path, registry, warn)
    spec = compiler.architecture
    given = {**load_checkpoint(found.path), "architecture": spec.text}
    content = for_inference(given, registry)
    inference = ShapeInference(registry, spec.root)
    return Trained(
        name=Path(found.name).name,
        file=str(found.path),
        architecture=spec,
        registry=registry,
        network=network.to(torch.float32),
        rules=inference.size_rules(spec.shapes),
        metrics=content["metrics"][-1] if content["metrics"] else {},
        versions=content["versions"],
        text=content["architecture"],
        licence="" if Path(model).exists() else _licence(model, registry),
    )


def _licence(model: str, registry: Registry) -> str:
    """That of the weights of an installed model, as its card says."""
    return str(read_card(registry.model(model).entry).fields["licence"])
