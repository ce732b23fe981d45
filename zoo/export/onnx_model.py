"""A trained network as an ONNX model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zoo.architecture import Component
from zoo.errors import PluginError, Problem
from zoo.export import layers
from zoo.export.graph import Graph, Writer
from zoo.export.trained import Trained
from zoo.nn.sequential import Sequential
from zoo.plugins.records import LayerEntry
from zoo.plugins.registry import Registered


def onnx_model(trained: Trained, target: str, tile: int | None = None) -> Any:
    """The network as an ``onnx.ModelProto``, from ``input`` to ``output``, (N, C, H, W) of float32.

    Images are extended by reflection to the sizes that the network gives back, and cut back.

    Args:
        target: the file's name, for messages.
        tile: height and width of the only image that it takes; None for batches of any size.

    Raises:
        UsageError: ``onnx`` is not installed, or the network gives back no images of that size.
        PluginError: a layer does not say how it is written.
    """
    graph = Graph(trained.network, writers(trained, target))
    channels = trained.architecture.input.channels
    y = any_size(trained, graph, "input", target, tile)
    shape = ["batch", channels, "height", "width"] if tile is None else [1, channels, tile, tile]
    return graph.model(y, shape, shape, trained.architecture.name, trained.provenance())


def writers(trained: Trained, target: str) -> dict[type, tuple[str, Writer]]:
    """How each class of layers of a network is written.

    Raises:
        PluginError: a layer does not say how; names all of them and where they stand.
    """
    known: dict[type, tuple[str, Writer]] = {Sequential: ("Sequential", layers.sequential)}
    silent: list[Problem] = []
    for component in _layers(trained.architecture.layers):
        item = trained.registry.get("layer", component.type)
        write = item.entry.load_onnx() if isinstance(item.entry, LayerEntry) else None
        if write is None:
            silent.append(_silent(trained, component, item, target))
        else:
            factory = item.entry.load()
            assert isinstance(factory, type)
            known[factory] = (f"layer {item.entry.name!r} of {item.provider}", write)
    if silent:
        raise PluginError("\n".join(map(str, silent)))
    return known


def _layers(components: tuple[Component, ...]) -> Iterator[Component]:
    """All layers, those in bodies too."""
    for component in components:
        yield component
        for value in component.parameters.values():
            if isinstance(value, tuple) and all(isinstance(item, Component) for item in value):
                yield from _layers(value)


def _silent(trained: Trained, component: Component, item: Registered, target: str) -> Problem:
    """The problem of a layer whose entry names no function."""
    (problem,) = trained.architecture.error(
        component.path,
        f"layer {component.type!r} of {item.provider} does not say how it is written in ONNX, as "
        f"{target} needs. Use --to safetensors, or name a function as its entry's onnx.",
    ).problems
    return problem


def any_size(trained: Trained, graph: Graph, x: str, target: str, tile: int | None) -> str:
    """Write the network for images (N, C, H, W) of any size, or of tile x tile pixels.

    Raises:
        UsageError: it gives back no images of these sizes.
    """
    rules = trained.size_rules(target) if tile is None else trained.sizes_of_tile(target, tile)
    padded = graph.reflected(x, *rules)
    y = graph.layer(trained.network, padded)
    return y if padded == x else graph.cropped(y, x)
