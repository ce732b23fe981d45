"""Every layer of the plugin through zoo's conformance kit, and faulty copies that it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo import LayerInfo, input_range
from zoo.nn import Conv2d, Module, ReLU, Sequential
from zoo.testing import LAYER_CHECKS, LayerCase, LayerCheck

pytest.importorskip("zoo_residual", reason="zoo-residual is not installed")

from zoo_residual import plugin, shape_rules
from zoo_residual.batch_norm2d import BatchNorm2d
from zoo_residual.gelu import GELU
from zoo_residual.pixel_shuffle import PixelShuffle
from zoo_residual.pixel_unshuffle import PixelUnshuffle
from zoo_residual.prelu import PReLU
from zoo_residual.residual import Residual

ENTRIES = {entry.name: entry for entry in plugin.zoo_layers()}
Generator = torch.Generator | None


def around_convolution(
    layer: type[Residual], scale: float = 1.0, sign: str = "plus", generator: Generator = None
) -> Residual:
    return layer(Sequential(Conv2d(2, 2, 3, padding=1, generator=generator), ReLU()), scale, sign)


def around_normalisation(layer: type[Residual], generator: Generator = None) -> Residual:
    inner = layer(Sequential(BatchNorm2d(2)))
    return layer(Sequential(Conv2d(2, 2, 1, generator=generator), inner))


def around_shuffles(layer: type[Residual], generator: Generator = None) -> Residual:
    conv = Conv2d(4, 4, 1, generator=generator)
    return layer(Sequential(PixelUnshuffle(2), conv, PixelShuffle(2)), 0.5)


def convolution(shape: tuple[int, ...]) -> LayerInfo:
    three = input_range.window(3, before=1)
    return LayerInfo(Conv2d(2, 2, 3, padding=1).output_shape(shape), 38, input_range=(three, three))


def normalisation(shape: tuple[int, ...]) -> LayerInfo:
    return LayerInfo(Conv2d(2, 2, 1).output_shape(shape), 10)


def shuffles(shape: tuple[int, ...]) -> LayerInfo:
    layers = PixelUnshuffle(2), Conv2d(4, 4, 1), PixelShuffle(2)
    blocks = input_range.chain(input_range.window(2, stride=2), input_range.repeat(2))
    return LayerInfo(Sequential(*layers).output_shape(shape), 20, input_range=(blocks, blocks))


def with_body(
    body: Callable[[tuple[int, ...]], LayerInfo],
) -> Callable[[str, Mapping[str, Any], tuple[int, ...]], LayerInfo]:
    """The rule of a residual layer, given what its body makes of an input."""
    return lambda where, _, shape: shape_rules.residual(where, {"body": body}, shape)


CASES: dict[str, list[LayerCase]] = {
    "residual": [
        LayerCase(
            partial(around_convolution, Residual), (2, 2, 4, 3), "plus", with_body(convolution)
        ),
        LayerCase(
            partial(around_convolution, Residual, 0.3, "minus"),
            (2, 2, 3, 4),
            "minus",
            with_body(convolution),
        ),
        LayerCase(
            partial(around_normalisation, Residual),
            (2, 2, 2, 3),
            "nested",
            with_body(normalisation),
            mixes_batch=True,
        ),
        LayerCase(partial(around_shuffles, Residual), (2, 1, 4, 2), "sizes", with_body(shuffles)),
    ],
    "pixel_shuffle": [
        LayerCase(partial(PixelShuffle, 2), (2, 8, 2, 3), "twice", shape_rules.pixel_shuffle),
        LayerCase(partial(PixelShuffle, 3), (2, 9, 2, 1), "thrice", shape_rules.pixel_shuffle),
        LayerCase(partial(PixelShuffle, 1), (2, 2, 2, 3), "identity", shape_rules.pixel_shuffle),
    ],
    "pixel_unshuffle": [
        LayerCase(partial(PixelUnshuffle, 2), (2, 3, 4, 6), "half", shape_rules.pixel_unshuffle),
        LayerCase(partial(PixelUnshuffle, 3), (2, 1, 6, 3), "third", shape_rules.pixel_unshuffle),
        LayerCase(partial(PixelUnshuffle, 1), (2, 2, 2, 3), "one", shape_rules.pixel_unshuffle),
    ],
    "prelu": [
        LayerCase(PReLU, (2, 3, 4, 5), "one", shape_rules.prelu),
        LayerCase(PReLU, (4, 6), "rows", shape_rules.prelu),
        LayerCase(partial(PReLU, 3), (2, 3, 2, 4), "each", shape_rules.prelu),
        LayerCase(partial(PReLU, 2, init=-1.5), (3, 2, 2, 2), "negative", shape_rules.prelu),
    ],
    "gelu": [
        LayerCase(GELU, (2, 3, 4, 5), "exact", ENTRIES["gelu"].load_shape_rule()),
        LayerCase(partial(GELU, "tanh"), (4, 6), "tanh", ENTRIES["gelu"].load_shape_rule()),
    ],
    "batch_norm2d": [
        LayerCase(
            partial(BatchNorm2d, 3, **options), shape, name, shape_rules.batch_norm2d, True, True
        )
        for name, shape, options in (
            ("plain", (3, 3, 2, 4), {}),
            ("one_pixel", (4, 3, 1, 2), {"eps": 0.1, "momentum": 0.5}),
            ("not_affine", (2, 3, 3, 2), {"affine": False}),
            ("not_tracking", (2, 3, 3, 2), {"track_running_stats": False}),
            ("neither", (2, 3, 2, 2), {"affine": False, "track_running_stats": False}),
        )
    ],
}
EACH = [
    pytest.param(case, id=f"{name}-{case.id}") for name, cases in CASES.items() for case in cases
]


@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", EACH)
def test_layer(case: LayerCase, check: LayerCheck) -> None:
    check(case)


def test_every_layer_has_cases_of_its_own() -> None:
    assert set(CASES) == set(ENTRIES)
    for name, cases in CASES.items():
        assert {type(case.module()) for case in cases} == {ENTRIES[name].load()}
        assert len({case.id for case in cases}) == len(cases) >= 2
        if name != "residual":  # whose rule is given a body in the table
            assert {case.rule for case in cases} == {ENTRIES[name].load_shape_rule()}


# A faulty copy of each layer, with one of the checks that find it.


class ForgetsTheShortcut(Residual):
    def backward(self, grad_y: Tensor) -> Tensor:
        return super().backward(grad_y) - grad_y


class ForgetsTheScale(Residual):
    def backward(self, grad_y: Tensor) -> Tensor:
        (shape,) = self.saved()
        self.require_gradient_shape(grad_y, shape)
        return grad_y + self.body.backward(grad_y)


class OtherOrder(PixelShuffle):
    def backward(self, grad_y: Tensor) -> Tensor:
        x_shape, y_shape = self.saved()
        self.require_gradient_shape(grad_y, y_shape)
        return grad_y.reshape(x_shape)


class SwapsTheAxes(PixelUnshuffle):
    def backward(self, grad_y: Tensor) -> Tensor:
        grad_x = super().backward(grad_y)
        r = self.downscale_factor
        blocks = grad_x.unflatten(-2, (-1, r)).unflatten(-1, (-1, r))
        return blocks.transpose(-3, -1).reshape(grad_x.shape)


class OneSlopeTooMany(PReLU):
    def backward(self, grad_y: Tensor) -> Tensor:
        grad_x = super().backward(grad_y)
        (x,) = self.saved()
        return torch.where(x > 0, grad_x * self._slopes(), grad_x)


class TrainsOnAllNumbers(PReLU):
    def backward(self, grad_y: Tensor) -> Tensor:
        (x,) = self.saved()
        grad_x = super().backward(grad_y)
        extra = (grad_y * x.clamp(min=0)).sum_to_size(self._slopes().shape)
        self.add_gradients(weight=extra.view(-1))
        return grad_x


class ForgetsTheDensity(GELU):
    def _density(self, x: Tensor, below: Tensor) -> Tensor:
        return torch.zeros_like(x)


class ConstantStatistics(BatchNorm2d):
    def backward(self, grad_y: Tensor) -> Tensor:
        super().backward(grad_y)
        _, _, inverse, x_shape = self.saved()
        scale = inverse * self.weight if self.affine else inverse
        return (grad_y * scale.view(-1, 1, 1)).view(x_shape)


class FollowsInEvaluation(BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        if not self.training and self.track_running_stats:
            self.buffers["running_mean"] += 0.1
        return super().forward(x)


class TakesAnyChannels(BatchNorm2d):
    def output_shape(self, input_shape: Sequence[int]) -> tuple[int, ...]:
        return tuple(input_shape)


FAULTY: list[tuple[LayerCase, Callable[..., Module], str]] = [
    (CASES["residual"][1], partial(around_convolution, ForgetsTheShortcut), "check_backward"),
    (
        CASES["residual"][1],
        partial(around_convolution, ForgetsTheScale, 0.3, "minus"),
        "check_backward",
    ),
    (CASES["pixel_shuffle"][0], partial(OtherOrder, 2), "check_backward"),
    (CASES["pixel_unshuffle"][0], partial(SwapsTheAxes, 2), "check_backward"),
    (CASES["prelu"][0], OneSlopeTooMany, "check_backward"),
    (CASES["prelu"][2], partial(TrainsOnAllNumbers, 3), "check_backward"),
    (CASES["gelu"][0], ForgetsTheDensity, "check_backward"),
    (CASES["gelu"][1], partial(ForgetsTheDensity, "tanh"), "check_backward"),
    (CASES["batch_norm2d"][0], partial(ConstantStatistics, 3), "check_backward"),
    (CASES["batch_norm2d"][0], partial(FollowsInEvaluation, 3), "check_nothing_else_changes"),
    (CASES["batch_norm2d"][0], partial(TakesAnyChannels, 3), "check_shape_rule"),
]


@pytest.mark.parametrize(
    ("case", "build", "check"), FAULTY, ids=[f"{case.id}-{check}" for case, _, check in FAULTY]
)
def test_a_faulty_copy_is_found(case: LayerCase, build: Callable[..., Module], check: str) -> None:
    faulty = LayerCase(build, case.shape, case.id, case.rule, case.unbatched, case.mixes_batch)
    (found,) = [each for each in LAYER_CHECKS if each.__name__ == check]
    found(case)
    with pytest.raises(AssertionError):
        found(faulty)


def test_every_layer_has_a_faulty_copy() -> None:
    found = {type(case.module()) for case, _, _ in FAULTY}
    assert found == {entry.load() for entry in ENTRIES.values()}
