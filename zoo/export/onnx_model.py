"""A trained network as an ONNX model."""

from __future__ import annotations

from typing import Any

from zoo.export import layers
from zoo.export.graph import Graph, Shape, Writer
from zoo.export.trained import Trained
from zoo.nn.sequential import Sequential


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
    graph = Graph(trained.network, writers(trained))
    channels = trained.architecture.input.channels
    y = any_size(trained, graph, "input", target, tile)
    shape: Shape = ["batch", channels, "height", "width"]
    if tile is not None:
        shape = [1, channels, tile, tile]
    return graph.model(y, shape, shape, trained.architecture.name, trained.provenance())


def writers(trained: Trained) -> dict[type, tuple[str, Writer]]:
    """How each class of layers of a network is written.

    Raises:
        PluginError: a layer does not say how; names all of them and where they stand.
    """
    trained.require_all("onnx", "does not say how it is written in ONNX")
    known: dict[type, tuple[str, Writer]] = {Sequential: ("Sequential", layers.sequential)}
    for _, entry, name in trained.layers():
        factory, write = entry.load(), entry.load_onnx()
        assert isinstance(factory, type)
        assert write is not None
        known[factory] = (name, write)
    return known


def any_size(trained: Trained, graph: Graph, x: str, target: str, tile: int | None) -> str:
    """Write the network for images (N, C, H, W) of any size, or of tile x tile pixels.

    Raises:
        UsageError: it gives back no images of these sizes.
    """
    rules = trained.size_rules(target) if tile is None else trained.sizes_of_tile(target, tile)
    padded = graph.reflected(x, *rules)
    y = graph.layer(trained.network, padded)
    return y if padded == x else graph.cropped(y, x)
