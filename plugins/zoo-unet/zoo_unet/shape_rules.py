"""The shape rules of the layers: what each makes of an input, known without torch.

How to write one is in :mod:`zoo.spec.shape_rules`. A ``leaky_relu`` changes no shape, and has
zoo's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoo import LayerInfo, input_range
from zoo.spec.arguments import pair
from zoo.spec.shapes import image
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
        input_range=(
            input_range.window(windows.span[0], windows.stride[0], windows.padding[0]),
            input_range.window(windows.span[1], windows.stride[1], windows.padding[1]),
        ),
    )


def skip(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo_unet.skip.Skip`: the body's counts, and its input range or the pixel itself."""
    image(where, input_shape)
    inner: LayerInfo = parameters["body"](input_shape)
    vertical, horizontal = inner.input_range
    return replace(
        inner,
        output_shape=joined(where, inner.output_shape, input_shape),
        input_range=(
            input_range.union(vertical, input_range.same),
            input_range.union(horizontal, input_range.same),
        ),
    )


def reflect_pad(where: str, parameters: Parameters, input_shape: Shape) -> LayerInfo:
    """:class:`zoo_unet.reflect_pad.ReflectPad`: the body's counts, on the extended image."""
    multiple = pair(where, "multiple", parameters["multiple"])
    padded = extended(where, input_shape, multiple)
    inner: LayerInfo = parameters["body"](padded)
    vertical, horizontal = inner.input_range
    return replace(
        inner,
        output_shape=cut_back(where, inner.output_shape, padded, input_shape),
        input_range=(_reflected(vertical, input_shape[1]), _reflected(horizontal, input_shape[2])),
    )


def _reflected(inner: input_range.InputRange, size: int) -> input_range.InputRange:
    """The body's input range and, of what lies beyond the last pixel, the mirror image of it."""

    def inputs(outputs: input_range.Range) -> input_range.Range:
        first, last = inner(outputs)
        return min(first, 2 * (size - 1) - last), last

    return replace(inner, function=inputs)
