"""The shape rules of the layers: what each makes of an input, known without torch.

How to write one is in :mod:`zoo.shape_rules`. A ``leaky_relu`` changes no shape, and has zoo's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoo import LayerInfo, reach
from zoo.arguments import pair
from zoo.shapes import image
from zoo_unet.shapes import Shape, cut_back, extended, joined, pooling

Parameters = Mapping[str, Any]


def max_pool2d(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo_unet.max_pool2d.MaxPool2d`."""
    windows = pooling(
        where,
        parameters["kernel_size"],
        parameters.get("stride"),
        parameters["padding"],
        parameters["dilation"],
    )
    return LayerInfo(
        output_shape=windows.output(where, input_shape),
        reach=(
            reach.window(windows.span[0], windows.stride[0], windows.padding[0]),
            reach.window(windows.span[1], windows.stride[1], windows.padding[1]),
        ),
    )


def skip(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo_unet.skip.Skip`: the body's counts, and its reach or the pixel itself."""
    image(where, input_shape)
    inner: LayerInfo = parameters["body"](input_shape)
    vertical, horizontal = inner.reach
    return replace(
        inner,
        output_shape=joined(where, inner.output_shape, input_shape),
        reach=(reach.either(vertical, reach.same), reach.either(horizontal, reach.same)),
    )


def reflect_pad(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo_unet.reflect_pad.ReflectPad`: the body's counts, on the extended image."""
    multiple = pair(where, "multiple", parameters["multiple"])
    padded = extended(where, input_shape, multiple)
    inner: LayerInfo = parameters["body"](padded)
    vertical, horizontal = inner.reach
    return replace(
        inner,
        output_shape=cut_back(where, inner.output_shape, padded, input_shape),
        reach=(_reflected(vertical, input_shape[1]), _reflected(horizontal, input_shape[2])),
    )


def _reflected(inner: reach.Reach, size: int) -> reach.Reach:
    """The body's reach and, of what lies beyond the last pixel, the mirror image of it."""

    def inputs(outputs: reach.Range) -> reach.Range:
        first, last = inner(outputs)
        return min(first, 2 * (size - 1) - last), last

    return replace(inner, function=inputs)
