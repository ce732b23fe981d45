"""What the containers make of an input, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from zoo import LayerInfo, input_range
from zoo.errors import ArgumentError

Shape = tuple[int, ...]


def residual(where: str, parameters: Mapping[str, Any], input_shape: Shape) -> LayerInfo:
    """x + body(x)."""
    inner: LayerInfo = parameters["body"](input_shape)
    if inner.output_shape != input_shape:
        raise ArgumentError(
            f"{where}: the body gives {_by(inner.output_shape)} and its input is "
            f"{_by(input_shape)}. Use a body that gives back its input's shape.",
            "body",
        )
    return replace(inner, input_range=_beside_the_input(inner))


def concat(where: str, parameters: Mapping[str, Any], input_shape: Shape) -> LayerInfo:
    """The channels of x, then those of body(x)."""
    inner: LayerInfo = parameters["body"](input_shape)
    if inner.output_shape[1:] != input_shape[1:]:
        raise ArgumentError(
            f"{where}: the body gives {_by(inner.output_shape)} and its input is "
            f"{_by(input_shape)}. Use a body that gives back the height and width.",
            "body",
        )
    channels = input_shape[0] + inner.output_shape[0]
    shape = (channels, *input_shape[1:])
    return replace(inner, output_shape=shape, input_range=_beside_the_input(inner))


def _beside_the_input(inner: LayerInfo) -> tuple[input_range.InputRange, input_range.InputRange]:
    vertical, horizontal = inner.input_range
    return input_range.union(input_range.same, vertical), input_range.union(
        input_range.same, horizontal
    )


def _by(shape: Shape) -> str:
    return "x".join(map(str, shape))
