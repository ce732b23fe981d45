"""The conformance table: for every registered name, the sets of arguments it is checked with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import torch

from zoo.nn import (
    Conv2d,
    ConvTranspose2d,
    Linear,
    Module,
    NearestUpsampling,
    ReLU,
    Sigmoid,
    Upsampling,
)
from zoo.spec import shape_rules
from zoo.spec.layer_info import ShapeRule
from zoo.testing import LayerCase

Arguments = Mapping[str, Any]


def _cases(
    layer: Callable[..., Module],
    rule: ShapeRule,
    *table: tuple[str, tuple[Any, ...], Arguments, tuple[int, ...]],
) -> list[LayerCase]:
    """One case for each (name, positional arguments, keyword arguments, input shape)."""
    return [
        LayerCase(partial(layer, *arguments, **options), shape, name, rule)
        for name, arguments, options, shape in table
    ]


LAYERS: dict[str, list[LayerCase]] = {
    "conv2d": _cases(
        Conv2d,
        shape_rules.conv2d,
        ("plain", (2, 3, 3), {}, (2, 2, 5, 4)),
        ("pointwise", (3, 2, 1), {}, (2, 3, 4, 3)),
        ("strided", (2, 3, 3), {"stride": 2, "padding": 1}, (2, 2, 6, 5)),
        ("no_bias", (1, 2, (2, 3)), {"bias": False}, (2, 1, 4, 5)),
        ("same_even", (2, 2, (2, 4)), {"padding": "same"}, (2, 2, 4, 5)),
        ("valid", (2, 2, (3, 2)), {"padding": "valid", "dilation": (1, 2)}, (2, 2, 4, 5)),
        ("grouped", (4, 6, 2), {"groups": 2, "padding": (1, 0)}, (2, 4, 3, 4)),
        ("depthwise", (3, 3, 3), {"groups": 3, "padding": 1}, (3, 3, 4, 4)),
        (
            "everything",
            (2, 4, (3, 2)),
            {"stride": (1, 2), "padding": (2, 1), "dilation": (2, 1), "groups": 2},
            (2, 2, 5, 6),
        ),
    ),
    "conv_transpose2d": _cases(
        ConvTranspose2d,
        shape_rules.conv_transpose2d,
        ("plain", (2, 3, 3), {}, (2, 2, 3, 4)),
        ("strided", (3, 2, 4), {"stride": 2, "padding": 1}, (2, 3, 3, 2)),
        ("gaps", (2, 1, 2), {"stride": 3, "output_padding": (1, 2)}, (2, 2, 2, 3)),
        ("no_bias", (1, 2, (2, 3)), {"bias": False}, (2, 1, 3, 2)),
        ("grouped", (4, 6, 2), {"groups": 2}, (2, 4, 3, 2)),
        ("depthwise", (3, 3, 3), {"groups": 3, "padding": 1}, (3, 3, 3, 3)),
        (
            "everything",
            (4, 2, (3, 2)),
            {
                "stride": (2, 1),
                "padding": (1, 2),
                "output_padding": (1, 0),
                "groups": 2,
                "dilation": (1, 3),
            },
            (2, 4, 3, 4),
        ),
    ),
    "upsampling": _cases(
        Upsampling,
        shape_rules.upsampling,
        ("plain", (2, 3, 3), {"padding": 1}, (2, 2, 3, 2)),
        ("seven", (1, 2, 7), {"padding": 3}, (2, 1, 3, 4)),
        ("factors", (2, 1, (2, 3)), {"scale_factor": (3, 1), "bias": False}, (2, 2, 2, 4)),
        ("same", (2, 2, 4), {"padding": "same", "groups": 2}, (2, 2, 2, 3)),
        ("strided", (1, 2, 3), {"stride": 2, "scale_factor": 3, "dilation": 2}, (2, 1, 3, 2)),
    ),
    "nearest_upsampling": _cases(
        NearestUpsampling,
        shape_rules.nearest_upsampling,
        ("twice", (2,), {}, (2, 3, 3, 2)),
        ("factors", ((1, 3),), {}, (2, 1, 2, 3)),
        ("identity", (1,), {}, (2, 2, 2, 3)),
    ),
    "linear": _cases(
        Linear,
        shape_rules.linear,
        ("plain", (4, 3), {}, (5, 4)),
        ("no_bias", (2, 5), {"bias": False}, (3, 2)),
        ("images", (4, 2), {}, (2, 3, 2, 4)),
    ),
    "relu": _cases(
        ReLU,
        shape_rules.elementwise,
        ("images", (), {}, (2, 3, 4, 5)),
        ("rows", (), {}, (4, 6)),
    ),
    "sigmoid": _cases(
        Sigmoid,
        shape_rules.elementwise,
        ("images", (), {}, (2, 3, 4, 5)),
        ("rows", (), {}, (4, 6)),
    ),
}


OPTIMIZERS: dict[str, list[Arguments]] = {
    "sgd": [
        {},
        {"lr": 0.1},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.3},
        {"momentum": 0.9, "nesterov": True},
        {"weight_decay": 0.1},
        {"maximize": True},
        {"lr": 0.05, "momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
    ],
    "adam": [
        {},
        {"lr": 0.1},
        {"betas": (0.5, 0.6)},
        {"eps": 1e-2},
        {"weight_decay": 0.1},
        {"amsgrad": True},
        {"maximize": True},
        {"lr": 0.05, "betas": (0.8, 0.9), "weight_decay": 0.1, "amsgrad": True, "maximize": True},
    ],
}
TORCH_OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
}


@dataclass(frozen=True)
class InitializerCase:
    """Arguments of an initializer, and what theory says of the values it draws.

    Attributes:
        mean: expected mean.
        variance: expected variance, of (fan_in, fan_out).
        arguments: as they are written in an architecture file.
    """

    mean: float
    variance: Callable[[int, int], float]
    arguments: Arguments = field(default_factory=dict)


INITIALIZERS: dict[str, list[InitializerCase]] = {
    "pytorch": [InitializerCase(0, lambda fan_in, _: 1 / (3 * fan_in))],
    "he_normal": [
        InitializerCase(0, lambda fan_in, _: 2 / fan_in),
        InitializerCase(
            0, lambda _, fan_out: 2 / (1.25 * fan_out), {"mode": "fan_out", "negative_slope": 0.5}
        ),
    ],
    "he_uniform": [
        InitializerCase(0, lambda fan_in, _: 2 / fan_in),
        InitializerCase(
            0, lambda _, fan_out: 2 / (1.25 * fan_out), {"mode": "fan_out", "negative_slope": 0.5}
        ),
    ],
    "xavier_normal": [
        InitializerCase(0, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        InitializerCase(0, lambda fan_in, fan_out: 18 / (fan_in + fan_out), {"gain": 3}),
    ],
    "xavier_uniform": [
        InitializerCase(0, lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        InitializerCase(0, lambda fan_in, fan_out: 18 / (fan_in + fan_out), {"gain": 3}),
    ],
    "normal": [
        InitializerCase(0, lambda *_: 1e-4),
        InitializerCase(1.5, lambda *_: 0.25, {"mean": 1.5, "std": 0.5}),
    ],
    "uniform": [InitializerCase(1, lambda *_: 16 / 12, {"low": -1, "high": 3})],
    "constant": [InitializerCase(0.5, lambda *_: 0, {"value": 0.5})],
    "zeros": [InitializerCase(0, lambda *_: 0)],
}


@dataclass(frozen=True)
class LossCase:
    """Arguments of a loss, and the same loss by torch.

    Attributes:
        reference: the loss of (y, target).
        takes_mask: whether ``forward`` takes a mask; the loss is then that of the kept elements.
        arguments: as they are written in an architecture file.
    """

    reference: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    takes_mask: bool = False
    arguments: Arguments = field(default_factory=dict)


LOSSES: dict[str, list[LossCase]] = {
    "l1": [LossCase(torch.nn.functional.l1_loss, takes_mask=True)],
    "mse": [LossCase(torch.nn.functional.mse_loss, takes_mask=True)],
}
