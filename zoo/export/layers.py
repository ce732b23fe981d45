"""How zoo's own layers are written in ONNX; the layers' entries name these functions.

Each takes the layer, the :class:`zoo.export.Graph` and the name of the input, and returns the name
of the output.
"""

from __future__ import annotations

from zoo.export.graph import Graph
from zoo.nn import (
    Conv2d,
    ConvTranspose2d,
    Linear,
    Module,
    NearestUpsampling,
    ReLU,
    Sequential,
    Sigmoid,
    Upsampling,
)


def sequential(layer: Sequential, graph: Graph, x: str) -> str:
    """Its modules, one after the other."""
    for module in layer:
        x = graph.layer(module, x)
    return x


def conv2d(layer: Conv2d, graph: Graph, x: str) -> str:
    """``Conv``."""
    top, bottom, left, right = layer.padding
    return graph.node(
        "Conv",
        x,
        *_weight_and_bias(layer, graph),
        kernel_shape=layer.kernel_size,
        strides=layer.stride,
        pads=(top, left, bottom, right),
        dilations=layer.dilation,
        group=layer.groups,
    )


def conv_transpose2d(layer: ConvTranspose2d, graph: Graph, x: str) -> str:
    """``ConvTranspose``."""
    return graph.node(
        "ConvTranspose",
        x,
        *_weight_and_bias(layer, graph),
        kernel_shape=layer.kernel_size,
        strides=layer.stride,
        pads=(*layer.padding, *layer.padding),
        output_padding=layer.output_padding,
        dilations=layer.dilation,
        group=layer.groups,
    )


def nearest_upsampling(layer: NearestUpsampling, graph: Graph, x: str) -> str:
    """``Resize``."""
    scales = graph.constant([1.0, 1.0, *map(float, layer.scale_factor)])
    return graph.node(
        "Resize",
        x,
        "",
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


def upsampling(layer: Upsampling, graph: Graph, x: str) -> str:
    """``Resize``, then ``Conv``."""
    return conv2d(layer.convolution, graph, nearest_upsampling(layer.upsample, graph, x))


def linear(layer: Linear, graph: Graph, x: str) -> str:
    """``MatMul`` with the transposed weight, and ``Add``."""
    weight, *bias = _weight_and_bias(layer, graph)
    y = graph.node("MatMul", x, graph.node("Transpose", weight, perm=(1, 0)))
    return graph.node("Add", y, *bias) if bias else y


def relu(layer: ReLU, graph: Graph, x: str) -> str:
    """``Relu``."""
    return graph.node("Relu", x)


def sigmoid(layer: Sigmoid, graph: Graph, x: str) -> str:
    """``Sigmoid``."""
    return graph.node("Sigmoid", x)


def _weight_and_bias(layer: Module, graph: Graph) -> list[str]:
    tensors = [layer.weight] if layer.bias is None else [layer.weight, layer.bias]
    return [graph.constant(tensor) for tensor in tensors]
