"""How the layers are written in ONNX; their entries name these functions (see zoo.LayerEntry)."""

from __future__ import annotations

from zoo.export import Graph
from zoo.spec.sizes import SizeRule
from zoo_unet.leaky_relu import LeakyReLU
from zoo_unet.max_pool2d import MaxPool2d
from zoo_unet.reflect_pad import ReflectPad
from zoo_unet.skip import Skip


def leaky_relu(layer: LeakyReLU, graph: Graph, x: str) -> str:
    """``LeakyRelu``."""
    return graph.node("LeakyRelu", x, alpha=layer.negative_slope)


def max_pool2d(layer: MaxPool2d, graph: Graph, x: str) -> str:
    """``MaxPool``."""
    windows = layer.windows
    return graph.node(
        "MaxPool",
        x,
        kernel_shape=windows.kernel,
        strides=windows.stride,
        pads=(*windows.padding, *windows.padding),
        dilations=windows.dilation,
    )


def skip(layer: Skip, graph: Graph, x: str) -> str:
    """The body, and ``Concat``."""
    return graph.node("Concat", graph.layer(layer.body, x), x, axis=1)


def reflect_pad(layer: ReflectPad, graph: Graph, x: str) -> str:
    """The body on images that are extended and cut back, as the graph does."""
    padded = graph.reflected(x, *(SizeRule(multiple, multiple) for multiple in layer.multiple))
    return graph.cropped(graph.layer(layer.body, padded), x)
