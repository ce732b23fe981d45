"""Every message about impossible arguments and shapes, whole."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

import zoo.nn
from zoo.errors import ArgumentError, ShapeError
from zoo.nn import Module

nn: Any = zoo.nn  # unchecked: many of the mistakes are mistakes of type

INTEGER = "Use an integer >= 1."
PAIR = "Use an integer >= 1 or a pair of them."
PAIR_OR_ZERO = "Use an integer >= 0 or a pair of them."
DIVISOR = "Use a divisor of both."

conv2d = partial(nn.Conv2d, 4, 6, 3)
conv_transpose2d = partial(nn.ConvTranspose2d, 4, 6, 3)

# Upsampling's arguments are those of the two layers in it, whose names its messages bear.
ARGUMENTS: list[tuple[Callable[[], Module], str]] = [
    (lambda: nn.Conv2d(0, 6, 3), f"Conv2d: in_channels is 0. {INTEGER}"),
    (lambda: nn.Conv2d(-4, 6, 3), f"Conv2d: in_channels is -4. {INTEGER}"),
    (lambda: nn.Conv2d(4.0, 6, 3), f"Conv2d: in_channels is 4.0. {INTEGER}"),
    (lambda: nn.Conv2d("4", 6, 3), f"Conv2d: in_channels is '4'. {INTEGER}"),
    (lambda: nn.Conv2d(True, 6, 3), f"Conv2d: in_channels is True. {INTEGER}"),
    (lambda: nn.Conv2d(None, 6, 3), f"Conv2d: in_channels is None. {INTEGER}"),
    (lambda: nn.Conv2d(4, 0, 3), f"Conv2d: out_channels is 0. {INTEGER}"),
    (lambda: nn.Conv2d(4, (6,), 3), f"Conv2d: out_channels is (6,). {INTEGER}"),
    (lambda: nn.Conv2d(4, 6, 0), f"Conv2d: kernel_size is 0. {PAIR}"),
    (lambda: nn.Conv2d(4, 6, 3.0), f"Conv2d: kernel_size is 3.0. {PAIR}"),
    (lambda: nn.Conv2d(4, 6, "3"), f"Conv2d: kernel_size is '3'. {PAIR}"),
    (lambda: nn.Conv2d(4, 6, True), f"Conv2d: kernel_size is True. {PAIR}"),
    (lambda: nn.Conv2d(4, 6, (3, 0)), f"Conv2d: kernel_size is (3, 0). {PAIR}"),
    (lambda: nn.Conv2d(4, 6, (3, False)), f"Conv2d: kernel_size is (3, False). {PAIR}"),
    (lambda: nn.Conv2d(4, 6, (3,)), f"Conv2d: kernel_size is (3,). {PAIR}"),
    (lambda: nn.Conv2d(4, 6, [3, 3, 3]), f"Conv2d: kernel_size is [3, 3, 3]. {PAIR}"),
    (lambda: conv2d(stride=0), f"Conv2d: stride is 0. {PAIR}"),
    (lambda: conv2d(stride=(1, -1)), f"Conv2d: stride is (1, -1). {PAIR}"),
    (lambda: conv2d(dilation=0), f"Conv2d: dilation is 0. {PAIR}"),
    (lambda: conv2d(dilation=1.5), f"Conv2d: dilation is 1.5. {PAIR}"),
    (lambda: conv2d(padding=-1), f"Conv2d: padding is -1. {PAIR_OR_ZERO}"),
    (lambda: conv2d(padding=(0, 0.5)), f"Conv2d: padding is (0, 0.5). {PAIR_OR_ZERO}"),
    (lambda: conv2d(padding=True), f"Conv2d: padding is True. {PAIR_OR_ZERO}"),
    (
        lambda: conv2d(padding="full"),
        "Conv2d: padding is 'full'. Use 'same', 'valid', an integer >= 0 or a pair.",
    ),
    (
        lambda: conv2d(padding="same", stride=(1, 2)),
        "Conv2d: padding is 'same' with stride (1, 2). Use stride 1.",
    ),
    (lambda: conv2d(groups=0), f"Conv2d: groups is 0. {INTEGER}"),
    (lambda: conv2d(groups=2.0), f"Conv2d: groups is 2.0. {INTEGER}"),
    (
        lambda: conv2d(groups=3),
        f"Conv2d: groups is 3 with 4 input and 6 output channels. {DIVISOR}",
    ),
    (
        lambda: conv2d(groups=4),
        f"Conv2d: groups is 4 with 4 input and 6 output channels. {DIVISOR}",
    ),
    (lambda: nn.ConvTranspose2d(0, 6, 3), f"ConvTranspose2d: in_channels is 0. {INTEGER}"),
    (lambda: nn.ConvTranspose2d(4, -1, 3), f"ConvTranspose2d: out_channels is -1. {INTEGER}"),
    (lambda: nn.ConvTranspose2d(4, 6, "3"), f"ConvTranspose2d: kernel_size is '3'. {PAIR}"),
    (lambda: conv_transpose2d(stride=0), f"ConvTranspose2d: stride is 0. {PAIR}"),
    (lambda: conv_transpose2d(dilation=(0, 1)), f"ConvTranspose2d: dilation is (0, 1). {PAIR}"),
    (lambda: conv_transpose2d(padding=-1), f"ConvTranspose2d: padding is -1. {PAIR_OR_ZERO}"),
    (
        lambda: conv_transpose2d(padding="same"),
        f"ConvTranspose2d: padding is 'same'. {PAIR_OR_ZERO}",
    ),
    (
        lambda: conv_transpose2d(output_padding=-1),
        f"ConvTranspose2d: output_padding is -1. {PAIR_OR_ZERO}",
    ),
    (lambda: conv_transpose2d(groups=True), f"ConvTranspose2d: groups is True. {INTEGER}"),
    (
        lambda: conv_transpose2d(groups=3),
        f"ConvTranspose2d: groups is 3 with 4 input and 6 output channels. {DIVISOR}",
    ),
    (
        lambda: conv_transpose2d(output_padding=1),
        "ConvTranspose2d: output_padding is (1, 1) with stride (1, 1) and dilation (1, 1). "
        "Use less than one of the two on each axis.",
    ),
    (
        lambda: conv_transpose2d(stride=(3, 2), dilation=(1, 2), output_padding=2),
        "ConvTranspose2d: output_padding is (2, 2) with stride (3, 2) and dilation (1, 2). "
        "Use less than one of the two on each axis.",
    ),
    (lambda: nn.NearestUpsampling(0), f"NearestUpsampling: scale_factor is 0. {PAIR}"),
    (lambda: nn.NearestUpsampling(1.5), f"NearestUpsampling: scale_factor is 1.5. {PAIR}"),
    (lambda: nn.NearestUpsampling((2, 0)), f"NearestUpsampling: scale_factor is (2, 0). {PAIR}"),
    (
        lambda: nn.Upsampling(4, 6, 3, scale_factor=-2),
        f"NearestUpsampling: scale_factor is -2. {PAIR}",
    ),
    (lambda: nn.Upsampling(4, 6, 0), f"Conv2d: kernel_size is 0. {PAIR}"),
    (lambda: nn.Linear(0, 3), f"Linear: in_features is 0. {INTEGER}"),
    (lambda: nn.Linear(2.0, 3), f"Linear: in_features is 2.0. {INTEGER}"),
    (lambda: nn.Linear(2, -3), f"Linear: out_features is -3. {INTEGER}"),
    (lambda: nn.Linear(2, "3"), f"Linear: out_features is '3'. {INTEGER}"),
]

IMAGES = "Use (N, 4, H, W) or (4, H, W)."
SMALLER = "Use a smaller kernel, more padding or a larger input."
LESS_PADDING = "Use less padding or a larger input."

# Layer, shape without the batch axis, message.
SHAPES: list[tuple[Module, tuple[int, ...], str]] = [
    (conv2d(), (3, 5, 5), "Conv2d: expects 4 channels; the input has 3."),
    (conv2d(), (5, 5), f"Conv2d: the input is (5, 5). {IMAGES}"),
    (conv2d(), (), f"Conv2d: the input is (). {IMAGES}"),
    (
        conv2d(),
        (4, 2, 5),
        f"Conv2d: kernel 3x3 is larger than the padded input 2x5. {SMALLER}",
    ),
    (
        conv2d(padding=(2, 1), dilation=(1, 4)),
        (4, 0, 6),
        f"Conv2d: kernel 3x9 (with dilation) is larger than the padded input 4x8. {SMALLER}",
    ),
    (conv_transpose2d(), (6, 5, 5), "ConvTranspose2d: expects 4 channels; the input has 6."),
    (conv_transpose2d(), (4,), f"ConvTranspose2d: the input is (4,). {IMAGES}"),
    (
        conv_transpose2d(),
        (4, 0, 5),
        "ConvTranspose2d: the input is 0x5. Use at least one pixel.",
    ),
    (
        conv_transpose2d(padding=2),
        (4, 2, 7),
        "ConvTranspose2d: padding 2x2 leaves an output of 0x5 from an input of 2x7. "
        f"{LESS_PADDING}",
    ),
    (
        nn.NearestUpsampling(2),
        (5, 5),
        "NearestUpsampling: the input is (5, 5). Use (N, C, H, W) or (C, H, W).",
    ),
    (nn.Upsampling(1, 6, 3), (3, 5, 5), "Conv2d: expects 1 channel; the input has 3."),
    (
        nn.Upsampling(4, 6, 5),
        (4, 2, 2),
        f"Conv2d: kernel 5x5 is larger than the padded input 4x4. {SMALLER}",
    ),
    (
        nn.Upsampling(4, 6, 3),
        (5, 5),
        "NearestUpsampling: the input is (5, 5). Use (N, C, H, W) or (C, H, W).",
    ),
    (nn.Linear(4, 2), (5, 3), "Linear: the input is (5, 3). Use (..., 4)."),
    (nn.Linear(4, 2), (), "Linear: the input is (). Use (..., 4)."),
]


def message_id(value: Any) -> str | None:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("make", "message"), ARGUMENTS, ids=message_id)
def test_impossible_arguments(make: Callable[[], Module], message: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        make()
    assert str(caught.value) == message


@pytest.mark.parametrize(("module", "shape", "message"), SHAPES, ids=message_id)
def test_impossible_shapes(module: Module, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        module.output_shape(shape)
    assert str(caught.value) == message
    with pytest.raises(ShapeError) as caught:
        module.forward(torch.zeros(shape))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("module", "shape", "message"), [row for row in SHAPES if len(row[1]) == 3], ids=message_id
)
def test_impossible_shapes_of_a_batch(module: Module, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        module.forward(torch.zeros(2, *shape))
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (conv2d(), f"Conv2d: the input is (1, 2, 4, 5, 5). {IMAGES}"),
        (conv_transpose2d(), f"ConvTranspose2d: the input is (1, 2, 4, 5, 5). {IMAGES}"),
        (
            nn.NearestUpsampling(2),
            "NearestUpsampling: the input is (1, 2, 4, 5, 5). Use (N, C, H, W) or (C, H, W).",
        ),
    ],
    ids=message_id,
)
def test_five_axes_are_too_many(module: Module, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        module.forward(torch.zeros(1, 2, 4, 5, 5))
    assert str(caught.value) == message


def test_numpy_integers_and_lists_are_arguments_too() -> None:
    conv = nn.Conv2d(np.int64(4), np.int32(6), [3, np.int8(2)], padding=[1, 0], groups=np.int64(2))
    assert conv.output_shape((4, 5, 5)) == (6, 5, 4)
    assert conv.weight.shape == (6, 2, 3, 2)
