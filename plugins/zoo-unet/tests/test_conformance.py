"""Every layer of the plugin through zoo's conformance kit, and faulty copies that it finds."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from zoo import LayerInfo, input_range
from zoo.nn import Conv2d, Module, NearestUpsampling, Sequential
from zoo.spec import shape_rules
from zoo.testing import LAYER_CHECKS, LayerCase, LayerCheck

pytest.importorskip("zoo_unet", reason="zoo-unet is not installed")

from zoo_unet import plugin
from zoo_unet import shape_rules as rules
from zoo_unet.leaky_relu import LeakyReLU
from zoo_unet.max_pool2d import MaxPool2d
from zoo_unet.reflect_pad import ReflectPad
from zoo_unet.skip import Skip

Shape = tuple[int, ...]
ENTRIES = {entry.name: entry for entry in plugin.zoo_layers()}
CONTAINERS = {"skip", "reflect_pad"}


@dataclass(frozen=True)
class Body:
    """Layers for a container: how they are made, and what is known of them before."""

    layers: tuple[LayerCase, ...]

    def build(self, generator: torch.Generator | None) -> Sequential:
        given = ({"generator": generator} if layer.takes_generator else {} for layer in self.layers)
        return Sequential(
            *(layer.build(**extra) for layer, extra in zip(self.layers, given, strict=True))
        )

    def info(self, shape: Shape) -> LayerInfo:
        infos = []
        for layer in self.layers:
            infos.append(layer.rule("body", layer.parameters, shape))
            shape = infos[-1].output_shape
        return LayerInfo(
            shape,
            sum(info.parameters for info in infos),
            input_range=(
                input_range.chain(*(info.input_range[0] for info in infos)),
                input_range.chain(*(info.input_range[1] for info in infos)),
            ),
        )


def layer(rule: Any, build: Any, *arguments: Any, **options: Any) -> LayerCase:
    """A layer of a body."""
    return LayerCase(partial(build, *arguments, **options), (), "", rule)


def around(
    container: Callable[..., Module], body: Body, generator: torch.Generator | None = None
) -> Module:
    return container(body.build(generator))


def with_body(container: str, body: Body, **parameters: Any) -> Callable[..., LayerInfo]:
    """The rule of a container, given what its body makes of an input."""
    rule = getattr(rules, container)
    return lambda where, _, shape: rule(where, {"body": body.info, **parameters}, shape)


def skipping(body: Body, shape: Shape, name: str) -> LayerCase:
    return LayerCase(partial(around, Skip, body), shape, name, with_body("skip", body))


def padding(body: Body, multiple: Any, shape: Shape, name: str) -> LayerCase:
    build = partial(around, partial(ReflectPad, multiple=multiple), body)
    return LayerCase(build, shape, name, with_body("reflect_pad", body, multiple=multiple))


CONV = layer(shape_rules.conv2d, Conv2d, 2, 3, 3, padding=1)
LEAKY = layer(shape_rules.elementwise, LeakyReLU, 0.1)
POINTWISE = layer(shape_rules.conv2d, Conv2d, 2, 1, 1)
HALF = layer(rules.max_pool2d, MaxPool2d, 2)
TWICE = layer(shape_rules.nearest_upsampling, NearestUpsampling, 2)
SHIFT = layer(shape_rules.conv2d, Conv2d, 2, 2, (2, 4), padding="same")  # looks further down
ONE = Body((CONV, LEAKY))
NOTHING = Body(())
U = Body((HALF, POINTWISE, TWICE))
DEEP = Body((HALF, skipping(U, (), ""), TWICE))  # a skip connection inside another

CASES: dict[str, list[LayerCase]] = {
    "leaky_relu": [
        LayerCase(partial(LeakyReLU, *slope), shape, name, shape_rules.elementwise)
        for name, slope, shape in (
            ("images", (), (2, 3, 4, 5)),
            ("rows", (0.1,), (4, 6)),
            ("negative", (-2,), (2, 2, 2, 3)),
            ("flat", (0.0,), (2, 2, 2, 3)),
        )
    ],
    "max_pool2d": [
        LayerCase(partial(MaxPool2d, *arguments), shape, name, rules.max_pool2d)
        for name, arguments, shape in (
            ("half", (2,), (2, 3, 4, 6)),
            ("left_over", (2,), (2, 2, 5, 3)),
            ("identity", (1,), (2, 2, 3, 2)),
            ("overlapping", (3, 1, 1), (2, 2, 4, 5)),
            ("apart", ((1, 2), (3, 4)), (2, 2, 5, 7)),
            ("dilated", (2, 1, 1, (2, 3)), (2, 1, 4, 5)),
            ("everything", ((3, 2), (2, 1), (1, 1), (1, 2)), (2, 2, 5, 6)),
        )
    ],
    "skip": [
        skipping(ONE, (2, 2, 4, 3), "convolution"),
        skipping(NOTHING, (2, 2, 2, 3), "nothing"),
        skipping(U, (2, 2, 4, 2), "u"),
        skipping(DEEP, (2, 2, 4, 8), "nested"),
    ],
    "reflect_pad": [
        padding(U, 2, (2, 2, 3, 5), "u"),
        padding(U, 2, (2, 2, 4, 2), "needs_nothing"),
        padding(ONE, (4, 3), (2, 2, 3, 4), "pair"),
        padding(Body((SHIFT,)), 5, (2, 2, 2, 3), "again_and_again"),
        padding(DEEP, 4, (2, 2, 1, 5), "one_row"),
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
        if name in CONTAINERS:  # whose rule is given a body in the table
            assert ENTRIES[name].load_shape_rule() is getattr(rules, name)
        else:
            assert {case.rule for case in cases} == {ENTRIES[name].load_shape_rule()}


@pytest.mark.parametrize("name", ENTRIES)
def test_the_schema_says_what_the_constructor_says(name: str) -> None:
    schema = ENTRIES[name].schema
    arguments = inspect.signature(ENTRIES[name].load()).parameters
    empty = inspect.Parameter.empty
    assert list(schema["properties"]) == list(arguments)
    assert schema["required"] == [n for n, given in arguments.items() if given.default is empty]
    defaults = {
        n: repr(item["default"]) for n, item in schema["properties"].items() if "default" in item
    }
    assert defaults == {
        n: repr(given.default)
        for n, given in arguments.items()
        if given.default not in (empty, None)  # TOML has no null
    }


# A faulty copy of each layer, with one of the checks that find it.


class ForgetsTheSlope(LeakyReLU):
    def backward(self, grad_y: Tensor) -> Tensor:
        (x,) = self.saved()
        return super().backward(grad_y) * (x > 0)


class SlopeAbove(LeakyReLU):
    def backward(self, grad_y: Tensor) -> Tensor:
        return super().backward(grad_y) * self.negative_slope


class ToEveryTap(MaxPool2d):
    def backward(self, grad_y: Tensor) -> Tensor:
        largest, x_shape = self.saved()
        self.require_gradient_shape(grad_y, largest.shape)
        padded = grad_y.new_zeros(self.windows.padded(x_shape))
        for grad_values in self._taps(padded, largest.shape[-2:]):
            grad_values.add_(grad_y)
        return self._inside(padded, x_shape)


class Overwrites(MaxPool2d):
    """Where windows overlap, the last one's gradient is left."""

    def backward(self, grad_y: Tensor) -> Tensor:
        largest, x_shape = self.saved()
        self.require_gradient_shape(grad_y, largest.shape)
        padded = grad_y.new_zeros(self.windows.padded(x_shape))
        for tap, grad_values in enumerate(self._taps(padded, largest.shape[-2:])):
            grad_values.copy_(torch.where(largest == tap, grad_y, grad_values))
        return self._inside(padded, x_shape)


class PadsWithZeros(MaxPool2d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).clamp(min=0)


class ForgetsTheSkip(Skip):
    def backward(self, grad_y: Tensor) -> Tensor:
        channels, y_shape = self.saved()
        self.require_gradient_shape(grad_y, y_shape)
        return self.body.backward(grad_y[..., :channels, :, :])


class SkipsFirst(Skip):
    """Takes the input's channels for the first ones, on the way back."""

    def backward(self, grad_y: Tensor) -> Tensor:
        channels, y_shape = self.saved()
        self.require_gradient_shape(grad_y, y_shape)
        beside, inner = grad_y.split((y_shape[-3] - channels, channels), dim=-3)
        return self.body.backward(inner) + beside


class CutsTheGradient(ReflectPad):
    """What the repeated rows and columns would add is lost."""

    def backward(self, grad_y: Tensor) -> Tensor:
        x_shape, padded_shape = self.saved()
        height, width = x_shape[-2:]
        self.require_gradient_shape(grad_y, (*padded_shape[:-2], height, width))
        grad_padded = grad_y.new_zeros(padded_shape)
        grad_padded[..., :height, :width] = grad_y
        return self.body.backward(grad_padded)[..., :height, :width]


def case(name: str, layer: str) -> LayerCase:
    (found,) = (case for case in CASES[layer] if case.id == name)
    return found


def beyond(case: LayerCase, inner: Body, multiple: int) -> LayerCase:
    """The case with a rule that forgets what is reflected."""

    def rule(where: str, parameters: Mapping[str, Any], shape: Shape) -> LayerInfo:
        info = case.rule(where, parameters, shape)
        return replace(info, input_range=inner.info((2, multiple, multiple)).input_range)

    return replace(case, rule=rule)


FAULTY: list[tuple[LayerCase, LayerCase, str]] = [
    (right, replace(right, build=build), check)
    for right, build, check in (
        (case("images", "leaky_relu"), ForgetsTheSlope, "check_backward"),
        (case("rows", "leaky_relu"), partial(SlopeAbove, 0.1), "check_backward"),
        (case("half", "max_pool2d"), partial(ToEveryTap, 2), "check_backward"),
        (case("overlapping", "max_pool2d"), partial(Overwrites, 3, 1, 1), "check_backward"),
        (case("overlapping", "max_pool2d"), partial(PadsWithZeros, 3, 1, 1), "check_backward"),
        (case("convolution", "skip"), partial(around, ForgetsTheSkip, ONE), "check_backward"),
        (case("convolution", "skip"), partial(around, SkipsFirst, ONE), "check_backward"),
        (
            case("u", "reflect_pad"),
            partial(around, partial(CutsTheGradient, multiple=2), U),
            "check_backward",
        ),
    )
]
SHIFTED = case("again_and_again", "reflect_pad")
FAULTY.append((SHIFTED, beyond(SHIFTED, Body((SHIFT,)), 5), "check_shape_rule"))


@pytest.mark.parametrize(
    ("right", "faulty", "check"), FAULTY, ids=[f"{c.id}-{check}" for c, _, check in FAULTY]
)
def test_a_faulty_copy_is_found(right: LayerCase, faulty: LayerCase, check: str) -> None:
    (found,) = [each for each in LAYER_CHECKS if each.__name__ == check]
    found(right)
    with pytest.raises(AssertionError):
        found(faulty)


def test_every_layer_has_a_faulty_copy() -> None:
    found = {type(right.module()) for right, _, _ in FAULTY}
    assert found == {entry.load() for entry in ENTRIES.values()}
