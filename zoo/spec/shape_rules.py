"""The shape rules of the built-in layers: what each makes of an input, known without torch.

A rule is a function of how to call the layer in messages, its parameters, and the shape of its
input without the batch axis. The parameters are those of the layer's table with every default
filled in, as TOML gives them: a pair is an integer or a list of two. It returns a
:class:`zoo.LayerInfo`, or raises ``ShapeError`` for an input that the layer cannot take and
``ArgumentError`` for parameters that do not go together.

A layer that changes no shape and has no parameters names ``"zoo.spec.shape_rules:elementwise"``.
Others have their own, such as this one of a maximum over blocks of pixels, in a module without
torch::

    from zoo import LayerInfo, input_range
    from zoo.errors import ShapeError

    def max_pooling(where, parameters, input_shape):
        size = parameters["size"]
        if len(input_shape) != 3 or min(input_shape[1:]) < size:
            raise ShapeError(f"{where}: the input is {input_shape}. Use {size} pixels or more.")
        channels, height, width = input_shape
        blocks = input_range.window(size, stride=size)
        return LayerInfo((channels, height // size, width // size), input_range=(blocks, blocks))

In a plugin :func:`zoo.layer` takes a rule with the parameters as arguments, and makes it the
layer's record. ``zoo.testing`` checks a rule against its layer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import Any

from zoo.spec import input_range
from zoo.spec.arguments import divisor, end_padding, pair, positive_int, sides
from zoo.spec.layer_info import LayerInfo
from zoo.spec.shapes import (
    Pair,
    convolution,
    image,
    leading_axes,
    repeated,
    transposed_convolution,
    window,
)

Parameters = Mapping[str, Any]
Shape = tuple[int, ...]


def elementwise(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """Of a layer that looks at each number by itself: the input's shape, and no parameters."""
    return LayerInfo(input_shape)


def linear(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo.nn.Linear`; the last axis of an image is the horizontal one."""
    in_features = positive_int(where, "in_features", parameters["in_features"])
    out_features = positive_int(where, "out_features", parameters["out_features"])
    leading = leading_axes(where, input_shape, in_features)
    weights = in_features * out_features
    return LayerInfo(
        output_shape=(*leading, out_features),
        parameters=weights + parameters["bias"] * out_features,
        multiply_adds=weights * prod(leading),
        input_range=(input_range.same, input_range.whole),
    )


def conv2d(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo.nn.Conv2d`."""
    in_channels, out_channels, groups = _channels(where, parameters)
    kernel, stride, dilation = _pairs(where, parameters, "kernel_size", "stride", "dilation")
    padding = sides(where, parameters["padding"], kernel, stride, dilation)
    size = image(where, input_shape, in_channels)
    size = convolution(where, size, kernel, stride, padding, dilation)
    weights = out_channels * in_channels // groups * prod(kernel)
    spans, before = window(kernel, dilation), (padding[0], padding[2])
    return LayerInfo(
        output_shape=(out_channels, *size),
        parameters=weights + parameters["bias"] * out_channels,
        multiply_adds=weights * prod(size),  # each weight once for each output pixel
        input_range=(
            input_range.window(spans[0], stride[0], before[0]),
            input_range.window(spans[1], stride[1], before[1]),
        ),
    )


def conv_transpose2d(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo.nn.ConvTranspose2d`."""
    in_channels, out_channels, groups = _channels(where, parameters)
    kernel, stride, dilation = _pairs(where, parameters, "kernel_size", "stride", "dilation")
    padding = pair(where, "padding", parameters["padding"], minimum=0)
    added = end_padding(where, parameters["output_padding"], stride, dilation)
    size = image(where, input_shape, in_channels)
    y_size = transposed_convolution(where, size, kernel, stride, padding, added, dilation)
    weights = in_channels * out_channels // groups * prod(kernel)
    spans = window(kernel, dilation)
    return LayerInfo(
        output_shape=(out_channels, *y_size),
        parameters=weights + parameters["bias"] * out_channels,
        multiply_adds=weights * prod(size),  # each weight once for each input pixel
        input_range=(
            input_range.transposed_window(spans[0], stride[0], padding[0]),
            input_range.transposed_window(spans[1], stride[1], padding[1]),
        ),
    )


def nearest_upsampling(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo.nn.NearestUpsampling`."""
    factor = pair(where, "scale_factor", parameters["scale_factor"])
    size = repeated(image(where, input_shape), factor)
    return LayerInfo(
        output_shape=(input_shape[0], *size),
        input_range=(input_range.repeat(factor[0]), input_range.repeat(factor[1])),
    )


def upsampling(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo.nn.Upsampling`: the counts are its convolution's, on the enlarged image."""
    enlarged = nearest_upsampling(where, parameters, input_shape)
    convolved = conv2d(where, parameters, enlarged.output_shape)
    vertical, horizontal = map(input_range.chain, enlarged.input_range, convolved.input_range)
    return replace(convolved, input_range=(vertical, horizontal))


def _channels(where: str, parameters: Parameters) -> tuple[int, int, int]:
    """Channels of the input, channels of the output, groups."""
    in_channels = positive_int(where, "in_channels", parameters["in_channels"])
    out_channels = positive_int(where, "out_channels", parameters["out_channels"])
    groups = divisor(where, parameters["groups"], in_channels, out_channels)
    return in_channels, out_channels, groups


def _pairs(where: str, parameters: Parameters, *names: str) -> Iterator[Pair]:
    return (pair(where, name, parameters[name]) for name in names)
