"""What the layers and their shape rules say of impossible arguments and inputs."""

from __future__ import annotations

from collections.abc import Callable
from math import nan
from typing import Any

import pytest
import torch

from zoo import LayerInfo
from zoo.errors import ArgumentError, ShapeError
from zoo.nn import Conv2d, Sequential
from zoo.spec.input_range import EMPTY, chain, receptive_field, repeat, whole, window

pytest.importorskip("zoo_unet", reason="zoo-unet is not installed")

from zoo_unet import shape_rules
from zoo_unet.leaky_relu import LeakyReLU
from zoo_unet.max_pool2d import MaxPool2d
from zoo_unet.reflect_pad import ReflectPad
from zoo_unet.skip import Skip

HALVES = Sequential(MaxPool2d(2))
CHANNELS = "Use an integer >= 1 or a pair of them."


@pytest.mark.parametrize(
    ("build", "parameter", "message"),
    [
        *(
            (
                lambda value=value: LeakyReLU(value),
                "negative_slope",
                f"LeakyReLU: negative_slope is {value!r}. Use a finite number.",
            )
            for value in (nan, True, "0.1", None, 10**400)
        ),
        *(
            (
                lambda value=value: MaxPool2d(value),
                "kernel_size",
                f"MaxPool2d: kernel_size is {value!r}. {CHANNELS}",
            )
            for value in (0, 2.0, True, (2,), (2, 0), [1, 2, 3], "2")
        ),
        (
            lambda: MaxPool2d(2, 0),
            "stride",
            f"MaxPool2d: stride is 0. {CHANNELS}",
        ),
        (
            lambda: MaxPool2d(2, dilation=0),
            "dilation",
            f"MaxPool2d: dilation is 0. {CHANNELS}",
        ),
        (
            lambda: MaxPool2d(2, padding=-1),
            "padding",
            "MaxPool2d: padding is -1. Use an integer >= 0 or a pair of them.",
        ),
        (
            lambda: MaxPool2d((4, 3), padding=(1, 2)),
            "padding",
            "MaxPool2d: padding is 1x2 with kernel 4x3. Use at most half of the kernel.",
        ),
        (
            lambda: ReflectPad(HALVES, 0),
            "multiple",
            f"ReflectPad: multiple is 0. {CHANNELS}",
        ),
    ],
)
def test_impossible_arguments(build: Callable[[], object], parameter: str, message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        build()
    assert (str(caught.value), caught.value.parameter) == (message, parameter)


def halved(shape: tuple[int, ...]) -> LayerInfo:
    return LayerInfo(HALVES.output_shape(shape))


def widened(shape: tuple[int, ...]) -> LayerInfo:
    return LayerInfo((7, *shape[1:]), parameters=5, multiply_adds=11)


AXES = "Use (N, C, H, W) or (C, H, W)."
GIVES_BACK = "Use a body that gives back its input's height and width, or another size of input."
POOLING: dict[str, Any] = {"kernel_size": 3, "padding": [0, 1], "dilation": 2}


@pytest.mark.parametrize(
    ("layer", "rule", "parameters", "shape", "message"),
    [
        (MaxPool2d(2), "max_pool2d", POOLING, (4, 8), f"the input is (4, 8). {AXES}"),
        (
            MaxPool2d(3, padding=(0, 1), dilation=2),
            "max_pool2d",
            POOLING,
            (4, 4, 2),
            "a window of 5x5 is larger than the padded input 4x4. "
            "Use a smaller kernel or a larger input.",
        ),
        (Skip(HALVES), "skip", {"body": halved}, (4, 8), f"the input is (4, 8). {AXES}"),
        (
            Skip(HALVES),
            "skip",
            {"body": halved},
            (3, 9, 8),
            f"the body gives 3x4x4 and its input is 3x9x8. {GIVES_BACK}",
        ),
        (
            ReflectPad(HALVES, 4),
            "reflect_pad",
            {"body": halved, "multiple": 4},
            (4, 8),
            f"the input is (4, 8). {AXES}",
        ),
        (
            ReflectPad(HALVES, 4),
            "reflect_pad",
            {"body": halved, "multiple": 4},
            (3, 9, 8),
            f"the body gives 3x6x4 and its input is 3x12x8. {GIVES_BACK}",
        ),
    ],
)
def test_impossible_inputs(
    layer: Any, rule: str, parameters: dict[str, Any], shape: tuple[int, ...], message: str
) -> None:
    name = type(layer).__name__
    for call in (lambda: layer.output_shape(shape), lambda: layer.forward(torch.ones(shape))):
        with pytest.raises(ShapeError) as caught:
            call()
        assert str(caught.value) == f"{name}: {message}"
    with pytest.raises(ShapeError) as caught:
        getattr(shape_rules, rule)("layer 3", parameters, shape)
    assert str(caught.value) == f"layer 3: {message}"


def test_a_body_that_refuses_its_input_says_so() -> None:
    with pytest.raises(ShapeError) as caught:
        Skip(Sequential(Conv2d(2, 2, 1))).forward(torch.ones(1, 3, 4, 4))
    assert str(caught.value) == "module 0: Conv2d: expects 2 channels; the input has 3."


def test_a_stride_that_is_left_out_is_the_kernel_s_size() -> None:
    rule = shape_rules.max_pool2d
    left_out = rule("", {"kernel_size": [2, 3], "padding": 0, "dilation": 1}, (4, 9, 9))
    assert left_out.output_shape == MaxPool2d((2, 3)).output_shape((4, 9, 9)) == (4, 4, 3)
    assert [inputs((1, 1)) for inputs in left_out.input_range] == [(2, 3), (3, 5)]


def test_the_counts_are_the_body_s() -> None:
    skip = shape_rules.skip("", {"body": widened}, (3, 4, 5))
    assert (skip.output_shape, skip.parameters, skip.multiply_adds) == ((10, 4, 5), 5, 11)
    pad = shape_rules.reflect_pad("", {"body": widened, "multiple": [2, 3]}, (3, 3, 4))
    assert (pad.output_shape, pad.parameters, pad.multiply_adds) == ((7, 3, 4), 5, 11)


def test_the_body_of_a_padded_image_is_walked_at_its_padded_size() -> None:
    seen = []

    def body(shape: tuple[int, ...]) -> LayerInfo:
        seen.append(shape)
        return LayerInfo(shape, multiply_adds=shape[1] * shape[2])

    info = shape_rules.reflect_pad("", {"body": body, "multiple": [32, 1]}, (3, 33, 40))
    assert seen == [(3, 64, 40)]
    assert (info.output_shape, info.multiply_adds) == ((3, 33, 40), 64 * 40)


def test_a_reflected_border_is_seen_again() -> None:
    """Of 5 rows extended to 8, the last sees 2 rows further down: the second and third again."""
    down = window(3)  # output i depends on the rows from i to i + 2
    info = shape_rules.reflect_pad(
        "",
        {"body": lambda shape: LayerInfo(shape, input_range=(down, whole)), "multiple": 4},
        (1, 5, 5),
    )
    vertical, horizontal = info.input_range
    assert [vertical((row, row)) for row in range(5)] == [(0, 2), (1, 3), (2, 4), (3, 5), (2, 6)]
    assert vertical(EMPTY) == EMPTY
    assert receptive_field(horizontal) == receptive_field(whole)


def test_a_skip_sees_the_pixel_itself() -> None:
    blocks = chain(window(2, stride=2), repeat(2))
    above = window(1, before=3)  # a pixel three rows above, and not its own
    body = lambda shape: LayerInfo(shape, input_range=(above, blocks))  # noqa: E731 - one of a table
    vertical, horizontal = shape_rules.skip("", {"body": body}, (1, 8, 8)).input_range
    assert vertical((5, 5)) == (2, 5)
    assert [horizontal((column, column)) for column in (4, 5)] == [(4, 5), (4, 5)]
