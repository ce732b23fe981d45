"""The shape rules of the layers: what each makes of an input, known without torch.

How to write one is in :mod:`zoo.spec.shape_rules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoo import LayerInfo, input_range
from zoo.spec.arguments import positive_int
from zoo.spec.shapes import image
from zoo_residual.shapes import Shape, one_or_each_channel, same_as_input, shuffled, unshuffled

Parameters = Mapping[str, Any]


def residual(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo_residual.residual.Residual`: the body's counts; its input range and the pixel."""
    inner: LayerInfo = parameters["body"](input_shape)
    same_as_input(where, inner.output_shape, input_shape)
    vertical, horizontal = inner.input_range
    beside = (
        input_range.union(input_range.same, vertical),
        input_range.union(input_range.same, horizontal),
    )
    return replace(inner, input_range=beside)


def pixel_shuffle(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo_residual.pixel_shuffle.PixelShuffle`."""
    factor = positive_int(where, "upscale_factor", parameters["upscale_factor"])
    blocks = input_range.repeat(factor)
    return LayerInfo(shuffled(where, input_shape, factor), input_range=(blocks, blocks))


def pixel_unshuffle(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo_residual.pixel_unshuffle.PixelUnshuffle`."""
    factor = positive_int(where, "downscale_factor", parameters["downscale_factor"])
    blocks = input_range.window(factor, stride=factor)
    return LayerInfo(unshuffled(where, input_shape, factor), input_range=(blocks, blocks))


def prelu(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo_residual.prelu.PReLU`."""
    slopes = positive_int(where, "num_parameters", parameters["num_parameters"])
    return LayerInfo(one_or_each_channel(where, input_shape, slopes), parameters=slopes)


def batch_norm2d(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo_residual.batch_norm2d.BatchNorm2d`, as it is in evaluation mode."""
    features = positive_int(where, "num_features", parameters["num_features"])
    seen = input_range.same if parameters["track_running_stats"] else input_range.whole
    return LayerInfo(
        output_shape=(features, *image(where, input_shape, features)),
        parameters=2 * features * parameters["affine"],
        input_range=(seen, seen),
    )
