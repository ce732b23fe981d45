from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

from zoo.errors import PluginError
from zoo.export import Graph
from zoo.export.graph import Writer
from zoo.export.layers import conv2d, relu
from zoo.export.runtime import Session
from zoo.nn import Conv2d, Module, ReLU, Sequential
from zoo.spec.sizes import SizeRule

ANY = ["batch", 1, "height", "width"]


def graph(model: Module, opset: int = 18, **writers: Writer) -> Graph:
    known: dict[type, tuple[str, Writer]] = {
        Conv2d: ("layer 'conv2d' of zoo", conv2d),
        ReLU: ("layer 'relu' of zoo-wrong 1.0", writers.get("relu", relu)),
    }
    return Graph(model, known, opset)


@pytest.mark.parametrize("size", [(1, 1), (1, 4), (2, 3), (5, 9), (8, 12)])
def test_images_are_extended_by_reflection(size: tuple[int, int]) -> None:
    made = graph(Sequential())
    y = made.reflected("input", SizeRule(8, 4), SizeRule(5, 7))
    session = Session(made.model(y, ANY, None).SerializeToString())
    x = torch.rand(2, 1, *size)
    height, width = (rule.next(n) or 0 for rule, n in zip((SizeRule(8, 4), SizeRule(5, 7)), size))  # noqa: B905 - pairs
    added = ((0, 0), (0, 0), (0, height - size[0]), (0, width - size[1]))
    assert torch.equal(session(x), torch.from_numpy(np.pad(x.numpy(), added, mode="reflect")))


def test_images_of_any_size_stay_as_they_are() -> None:
    made = graph(Sequential())
    assert made.reflected("input", SizeRule(1, 1), SizeRule(1, 1)) == "input"
    assert made.nodes == []


def test_images_are_cut_to_the_size_of_others() -> None:
    made = graph(Sequential())
    y = made.reflected("input", SizeRule(8, 8), SizeRule(8, 8))
    session = Session(made.model(made.cropped(y, "input"), ANY, ANY).SerializeToString())
    x = torch.rand(1, 1, 3, 7)
    assert torch.equal(session(x), x)


@pytest.mark.parametrize(("opset", "version"), [(18, 8), (20, 9)])
def test_versions_names_and_properties(opset: int, version: int) -> None:
    layer = Conv2d(1, 1, 3, padding=1)
    made = graph(layer, opset)
    y = made.layer(layer, made.layer(layer, "input"))
    model = made.model(y, ANY, ANY, "net", {"licence": "MIT"})
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, model.opset_import[0].version) == (version, opset)
    assert [each.name for each in (*model.graph.input, *model.graph.output)] == ["input", "output"]
    assert sorted(each.name for each in model.graph.initializer) == ["bias", "weight"]
    assert {each.key: each.value for each in model.metadata_props} == {"licence": "MIT"}


def test_layers_that_cannot_be_written() -> None:
    def fails(layer: ReLU, graph: Graph, x: str) -> str:
        raise ValueError("too deep")

    def nothing(layer: ReLU, graph: Graph, x: str) -> str:
        return None  # type: ignore[return-value]  # that is the point

    class Other(Module):
        def forward(self, x: Tensor) -> Tensor:
            return x

    messages = {
        "layer 'relu' of zoo-wrong 1.0: its onnx failed: ValueError: too deep.": (ReLU(), fails),
        "layer 'relu' of zoo-wrong 1.0: its onnx returned None. Return the name of the output.": (
            ReLU(),
            nothing,
        ),
        "Other: no entry says how it is written in ONNX. "
        "Use layers whose entries name a function as their onnx.": (Other(), relu),
    }
    for message, (layer, writer) in messages.items():
        with pytest.raises(PluginError) as caught:
            graph(layer, relu=writer).layer(layer, "input")
        assert str(caught.value) == message
