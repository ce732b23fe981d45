"""A layer written in ONNX, computed by onnxruntime."""

from __future__ import annotations

import torch

from zoo.errors import PluginError, UsageError
from zoo.export.graph import Graph, Writer
from zoo.export.layers import sequential
from zoo.export.runtime import Session
from zoo.nn import Module, Sequential
from zoo.plugins.discovery import discover
from zoo.plugins.records import LayerEntry
from zoo.plugins.registry import load_registry
from zoo.testing.cases import LayerCase
from zoo.testing.comparisons import NotApplicable, require_close

TOLERANCE = 1e-5


def check_onnx(case: LayerCase) -> None:
    """What the entry's ``onnx`` writes gives the output of ``forward`` in evaluation mode."""
    module, x = case.module(dtype=torch.float32), case.input(torch.float32)
    writers = _writers(module)
    module.forward(2 * x + 1)  # what has buffers now has others than a new layer
    module.eval()
    channels = [case.shape[1], "height", "width"] if x.dim() == 4 else case.shape[1:]
    try:
        graph = Graph(module, writers)
        y = graph.layer(module, "input")
        session = Session(graph.model(y, ["batch", *channels], None).SerializeToString())
    except UsageError as error:
        raise NotApplicable(str(error)) from None
    for batch in (x, x[:1]):
        where = f"{case.id}: in ONNX, {len(batch)} images"
        require_close(where, session(batch), module.forward(batch), TOLERANCE)


def _writers(module: Module) -> dict[type, tuple[str, Writer]]:
    """How each class of the layers in a module is written.

    Raises:
        NotApplicable: an entry does not say how.
    """
    named = {type(part) for part in module.modules()}
    writers: dict[type, tuple[str, Writer]] = {Sequential: ("Sequential", sequential)}
    for item in load_registry(discover({})):
        if isinstance(item.entry, LayerEntry) and (kind := _factory(item.entry)) in named:
            write = item.entry.load_onnx()
            if write is None:
                inside = "" if kind is type(module) else f" by {item.entry.name}, which is in it"
                raise NotApplicable(f"no onnx is named{inside}")
            writers[kind] = (f"layer {item.entry.name!r} of {item.provider}", write)
    if type(module) not in writers:
        raise NotApplicable("no onnx is named")
    return writers


def _factory(entry: LayerEntry) -> object:
    try:
        return entry.load()
    except PluginError:
        return None
