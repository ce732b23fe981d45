"""Architecture files around one entry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import tomli_w

from zoo.architecture import Architecture, parse_architecture
from zoo.architecture.check import check_layers
from zoo.architecture.component import build_layers
from zoo.architecture.document import File, SourceLocation, literal
from zoo.architecture.infer_shapes import InferredLayer, InferredShapes, ShapeInference
from zoo.errors import ArchitectureError
from zoo.plugins.registry import Registry

Shape = tuple[int, ...]
Table = Mapping[str, Any]

LOCATION: Final = SourceLocation(File("the file", Path(), ""), ())
IMAGE: Final = (3, 6, 5)


def infer_layer_shapes(tables: list[Table], shape: Shape, registry: Registry) -> InferredShapes:
    """The shapes between layers written as tables, from an input of a shape without batch axis.

    Raises:
        ArchitectureError: a table is wrong, or a layer cannot take its input.
        PluginError: a shape rule fails.
    """
    node = literal(tables, LOCATION)
    checked = check_layers(node, registry)
    if checked.problems:
        raise ArchitectureError(checked.problems)
    inference = ShapeInference(registry, node)
    resolved: Any = checked.resolved  # a list, as what was checked is
    shapes = inference.chain(build_layers(resolved, registry, ()), shape)
    if inference.problems:
        raise ArchitectureError(inference.problems)
    return shapes


def in_a_file(
    kind: str,
    table: Table,
    registry: Registry,
    layer: InferredLayer | None = None,
    shape: Shape = IMAGE,
    folder: Path | None = None,
) -> Architecture:
    """A whole architecture file in which a table stands where tables of its kind do.

    Args:
        kind: of the entry.
        table: an entry's, with ``type``.
        registry: what can be written in the file.
        layer: for a layer, what it makes of an input of ``shape``, an image of another.
        shape: (C, H, W).
        folder: what paths in the table are relative to.

    Raises:
        ArchitectureError: the file has mistakes.
    """
    _, height, width = shape
    channels = shape[0] if layer is None else 3
    layers: list[Table] = [_convolution(channels, 1)]
    if layer is not None:
        back = _back(layer.info.output_shape, (3, height, width))
        layers = [_convolution(shape[0], 1), table, *back]
    elif kind == "initializer":
        layers = [{**_convolution(3, 1), "init": table}]
    file: dict[str, Any] = {
        "format": 1,
        "name": "conformance",
        "input": {"channels": channels, "height": height, "width": width},
        "layers": layers,
    }
    if kind in ("loss", "optimizer"):
        file[kind] = table
    elif kind == "schedule":
        file["train"] = {"schedule": table}
    elif kind == "pairing":
        file["data"] = {"target": table}
    elif kind == "noise":
        file["data"] = {"noise": table}
    elif kind == "source":
        file["data"] = {"source": table}
    return parse_architecture(tomli_w.dumps(file), registry, "the file", folder or Path())


def _back(shape: Shape, wanted: Shape) -> list[Table]:
    """Layers that make an image of one shape one of another: enlarged, then cut by a kernel."""
    factors = [-(-size // own) for size, own in zip(wanted[1:], shape[1:], strict=True)]
    kernel = [
        own * factor - size + 1
        for size, own, factor in zip(wanted[1:], shape[1:], factors, strict=True)
    ]
    enlarged = {"type": "nearest_upsampling", "scale_factor": factors}
    return [enlarged, {**_convolution(wanted[0], 1), "kernel_size": kernel}]


def _convolution(channels: int, kernel: int) -> dict[str, Any]:
    return {"type": "conv2d", "out_channels": channels, "kernel_size": kernel}
