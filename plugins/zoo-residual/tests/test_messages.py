"""What the layers and their shape rules say, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest
import torch

from zoo import LayerInfo, input_range
from zoo.errors import ArgumentError, ShapeError
from zoo.nn import Conv2d, Module, Sequential
from zoo.spec.input_range import receptive_field

pytest.importorskip("zoo_residual", reason="zoo-residual is not installed")

from zoo_residual import shape_rules
from zoo_residual.batch_norm2d import BatchNorm2d
from zoo_residual.gelu import GELU
from zoo_residual.pixel_shuffle import PixelShuffle
from zoo_residual.pixel_unshuffle import PixelUnshuffle
from zoo_residual.prelu import PReLU
from zoo_residual.residual import Residual


@pytest.mark.parametrize(
    ("layer", "arguments", "message"),
    [
        (PixelShuffle, {"upscale_factor": 0}, "upscale_factor is 0. Use an integer >= 1."),
        (PixelShuffle, {"upscale_factor": 1.5}, "upscale_factor is 1.5. Use an integer >= 1."),
        (
            PixelUnshuffle,
            {"downscale_factor": True},
            "downscale_factor is True. Use an integer >= 1.",
        ),
        (PReLU, {"num_parameters": "3"}, "num_parameters is '3'. Use an integer >= 1."),
        (GELU, {"approximate": "erf"}, "approximate is 'erf'. Use 'none' or 'tanh'."),
        (BatchNorm2d, {"num_features": -1}, "num_features is -1. Use an integer >= 1."),
        (BatchNorm2d, {"num_features": 2, "eps": 0}, "eps is 0. Use a finite number > 0."),
        (BatchNorm2d, {"num_features": 2, "eps": nan}, "eps is nan. Use a finite number > 0."),
        (
            BatchNorm2d,
            {"num_features": 2, "momentum": 1.1},
            "momentum is 1.1. Use a finite number from 0 to 1.",
        ),
        (
            BatchNorm2d,
            {"num_features": 2, "momentum": None},
            "momentum is None. Use a finite number from 0 to 1.",
        ),
        (Residual, {"body": Sequential(), "scale": inf}, "scale is inf. Use a finite number > 0."),
        (
            Residual,
            {"body": Sequential(), "scale": True},
            "scale is True. Use a finite number > 0.",
        ),
        (Residual, {"body": Sequential(), "sign": "-"}, "sign is '-'. Use 'plus' or 'minus'."),
    ],
)
def test_impossible_arguments(
    layer: Callable[..., Module], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        layer(**arguments)
    assert str(caught.value) == f"{layer.__name__}: {message}"  # type: ignore[attr-defined]
    assert caught.value.parameter == message.split()[0]


BY_TWO = {"upscale_factor": 2, "downscale_factor": 2}


@pytest.mark.parametrize(
    ("layer", "rule", "parameters", "shape", "message"),
    [
        (
            PixelShuffle(2),
            shape_rules.pixel_shuffle,
            BY_TWO,
            (6, 4, 4),
            "the input has 6 channels. With upscale_factor 2, use a multiple of 4.",
        ),
        (
            PixelShuffle(2),
            shape_rules.pixel_shuffle,
            BY_TWO,
            (1, 4, 4),
            "the input has 1 channel. With upscale_factor 2, use a multiple of 4.",
        ),
        (
            PixelUnshuffle(2),
            shape_rules.pixel_unshuffle,
            BY_TWO,
            (3, 4, 5),
            "the input is 4x5. With downscale_factor 2, use heights and widths that are a multiple "
            "of 2.",
        ),
        (
            PixelUnshuffle(2),
            shape_rules.pixel_unshuffle,
            BY_TWO,
            (4, 4),
            "the input is (4, 4). Use (N, C, H, W) or (C, H, W).",
        ),
        (
            PReLU(3),
            shape_rules.prelu,
            {"num_parameters": 3},
            (4, 2, 2),
            "has 3 parameters; the input has 4 channels. Use num_parameters 1 or 4.",
        ),
        (
            BatchNorm2d(3),
            shape_rules.batch_norm2d,
            {"num_features": 3, "affine": True, "track_running_stats": True},
            (4, 2, 2),
            "expects 3 channels; the input has 4.",
        ),
        (
            Residual(Conv2d(2, 3, 1)),
            shape_rules.residual,
            {"body": lambda shape: LayerInfo((3, *shape[1:]))},
            (2, 4, 5),
            "the body gives 3x4x5 and its input is 2x4x5. Use a body that gives back its input's "
            "shape.",
        ),
    ],
)
def test_shapes_that_do_not_fit(
    layer: Module,
    rule: Callable[..., LayerInfo],
    parameters: dict[str, Any],
    shape: tuple[int, ...],
    message: str,
) -> None:
    with pytest.raises(ShapeError) as caught:
        rule("layer 3", parameters, shape)
    assert str(caught.value) == f"layer 3: {message}"
    with pytest.raises(ShapeError) as caught:
        layer.output_shape(shape)
    assert str(caught.value) == f"{type(layer).__name__}: {message}"
    with pytest.raises(ShapeError):
        layer.forward(torch.zeros(shape))


def test_a_body_that_would_broadcast_is_refused() -> None:
    layer = Residual(Conv2d(2, 1, 1))
    with pytest.raises(ShapeError) as caught:
        layer.forward(torch.zeros(1, 2, 3, 4))
    assert str(caught.value) == (
        "Residual: the body gives 1x1x3x4 and its input is 1x2x3x4. "
        "Use a body that gives back its input's shape."
    )


@pytest.mark.parametrize("tracking", [True, False])
def test_one_pixel_has_no_variance(tracking: bool) -> None:
    layer, x = BatchNorm2d(2, track_running_stats=tracking), torch.zeros(1, 2, 1, 1)
    with pytest.raises(ShapeError) as caught:
        layer.forward(x)
    assert str(caught.value) == (
        "BatchNorm2d: the batch has one pixel, which has no variance. "
        "Use more images or larger ones."
    )
    assert not tracking or layer.eval().forward(x).equal(x)


def test_what_the_rules_say() -> None:
    three = input_range.window(3, before=1)
    body = LayerInfo(
        (2, 4, 4), parameters=5, multiply_adds=7, input_range=(three, input_range.whole)
    )
    info = shape_rules.residual("", {"body": lambda shape: body}, (2, 4, 4))
    assert (info.parameters, info.multiply_adds) == (5, 7)
    assert info.input_range[0]((5, 5)) == (4, 6)
    assert receptive_field(info.input_range[1]) == inf

    after = LayerInfo((2, 4, 4), input_range=(input_range.window(1, before=3), input_range.same))
    info = shape_rules.residual("", {"body": lambda shape: after}, (2, 4, 4))
    assert info.input_range[0]((5, 5)) == (2, 5)  # the body's, and the pixel itself

    info = shape_rules.pixel_unshuffle("", BY_TWO, (3, 4, 6))
    assert info.output_shape == (12, 2, 3)
    assert info.input_range[0]((1, 1)) == (2, 3)
    info = shape_rules.pixel_shuffle("", BY_TWO, (12, 2, 3))
    assert info.output_shape == (3, 4, 6)
    assert [info.input_range[1]((i, i)) for i in (2, 3)] == [(1, 1), (1, 1)]

    norm = {"num_features": 3, "affine": False, "track_running_stats": True}
    info = shape_rules.batch_norm2d("", norm, (3, 4, 6))
    assert (info.parameters, receptive_field(info.input_range[0])) == (0, 1)
    norm = {"num_features": 3, "affine": True, "track_running_stats": False}
    info = shape_rules.batch_norm2d("", norm, (3, 4, 6))
    assert (info.parameters, receptive_field(info.input_range[0])) == (6, inf)
