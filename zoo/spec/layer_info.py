"""What is known of a layer before it is built: shapes, counts, and how far it looks. No torch.

A layer's shape rule returns it (:class:`zoo.LayerEntry`); reading an architecture checks
that the layers fit together with it, and ``zoo show`` prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zoo.spec.input_range import InputRange, same


@dataclass(frozen=True)
class LayerInfo:
    """What a layer makes of an input of one shape.

    Attributes:
        output_shape: the shape of the output without the batch axis: (C, H, W).
        parameters: numbers that are trained.
        multiply_adds: multiplications followed by an addition in the forward pass of one image,
            without biases.
        input_range: for the vertical and the horizontal axis, which rows (columns) of the input
            decide a range of rows (columns) of the output (:mod:`zoo.spec.input_range`).
    """

    output_shape: tuple[int, ...]
    parameters: int = 0
    multiply_adds: int = 0
    input_range: tuple[InputRange, InputRange] = (same, same)


ShapeRule = Callable[[str, Mapping[str, Any], tuple[int, ...]], LayerInfo]
