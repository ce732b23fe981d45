"""How the layers are written in ONNX; their entries name these functions (see zoo.LayerEntry)."""

from __future__ import annotations

from math import pi, sqrt

import torch

from zoo.export import Graph
from zoo_residual.batch_norm2d import BatchNorm2d
from zoo_residual.gelu import CUBIC, GELU
from zoo_residual.pixel_shuffle import PixelShuffle
from zoo_residual.pixel_unshuffle import PixelUnshuffle
from zoo_residual.prelu import PReLU
from zoo_residual.residual import Residual


def residual(layer: Residual, graph: Graph, x: str) -> str:
    """The body, and ``Add`` or ``Sub``."""
    change = graph.layer(layer.body, x)
    if layer.scale != 1:
        change = graph.node("Mul", change, graph.constant([layer.scale]))
    return graph.node("Add" if layer.sign == "plus" else "Sub", x, change)


def pixel_shuffle(layer: PixelShuffle, graph: Graph, x: str) -> str:
    """``DepthToSpace``, whose mode CRD has torch's order of the channels."""
    return graph.node("DepthToSpace", x, blocksize=layer.upscale_factor, mode="CRD")


def pixel_unshuffle(layer: PixelUnshuffle, graph: Graph, x: str) -> str:
    """``SpaceToDepth`` of each channel by itself: of several it has another order than torch."""
    n = graph.node("Shape", x, start=0, end=1)
    alone = graph.node("Reshape", x, graph.constant([-1, 1, 0, 0]))  # N*C, 1, r H, r W
    parts = graph.node("SpaceToDepth", alone, blocksize=layer.downscale_factor)  # N*C, r^2, H, W
    shape = graph.node("Concat", n, graph.constant([-1, 0, 0]), axis=0)
    return graph.node("Reshape", parts, shape)  # N, C r^2, H, W


def prelu(layer: PReLU, graph: Graph, x: str) -> str:
    """``PRelu``."""
    slopes = graph.constant(layer.weight)
    if layer.num_parameters > 1:
        slopes = graph.node("Reshape", slopes, graph.constant([-1, 1, 1]))
    return graph.node("PRelu", x, slopes)


def gelu(layer: GELU, graph: Graph, x: str) -> str:
    """x P(x); the operator ``Gelu`` is younger than opset 18."""

    def scaled(value: str, by: float) -> str:
        return graph.node("Mul", value, graph.constant([by]))

    def one_more(value: str) -> str:
        return graph.node("Add", value, graph.constant([1.0]))

    if layer.approximate == "tanh":
        cubed = scaled(graph.node("Mul", graph.node("Mul", x, x), x), CUBIC)
        twice = one_more(graph.node("Tanh", scaled(graph.node("Add", x, cubed), sqrt(2 / pi))))
    else:
        twice = one_more(graph.node("Erf", scaled(x, sqrt(0.5))))
    return scaled(graph.node("Mul", x, twice), 0.5)


def batch_norm2d(layer: BatchNorm2d, graph: Graph, x: str) -> str:
    """``BatchNormalization`` with the running statistics; else its formula with the batch's."""
    ones, zeros = torch.ones(layer.num_features), torch.zeros(layer.num_features)
    weight = layer.weight if layer.affine else ones
    bias = layer.bias if layer.affine else zeros
    given = [graph.constant(weight), graph.constant(bias)]
    if layer.track_running_stats:
        given += [graph.constant(layer.buffers[name]) for name in ("running_mean", "running_var")]
        return graph.node("BatchNormalization", x, *given, epsilon=layer.eps)
    pixels = graph.constant([0, 2, 3])
    distance = graph.node("Sub", x, graph.node("ReduceMean", x, pixels))
    variance = graph.node("ReduceMean", graph.node("Mul", distance, distance), pixels)
    deviation = graph.node("Sqrt", graph.node("Add", variance, graph.constant([layer.eps])))
    scale, shift = (graph.node("Reshape", each, graph.constant([-1, 1, 1])) for each in given)
    normal = graph.node("Div", distance, deviation)
    return graph.node("Add", graph.node("Mul", normal, scale), shift)
