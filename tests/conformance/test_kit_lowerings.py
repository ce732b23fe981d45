"""A plugin's lowering of its layer: a wrong one is found, an unusable one is reported once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module

import pytest
import torch

from zoo.engine import lower
from zoo.engine.lowerings import _installed
from zoo.errors import PluginError
from zoo.nn import Conv2d, Sequential
from zoo.plugins.registry import load_registry
from zoo.spec.shape_rules import elementwise
from zoo.testing import LayerCase, prove
from zoo.testing.other_forms import check_lowered

PLUGIN = """
import zoo
from zoo.nn import Module


@zoo.hookimpl
def zoo_lowerings():
    return [zoo.Lowering(layer="zoo_double:Double", factory="FACTORY")]


class Double(Module):
    batch_independent = True
    factor = 2

    def forward(self, x):
        self.save(x.shape)
        return x * self.factor

    def backward(self, grad_y):
        self.require_gradient_shape(grad_y, self.saved()[0])
        return grad_y * self.factor

    def output_shape(self, input_shape):
        return tuple(input_shape)


class Thrice(Double):
    factor = 3


def right(layer, lower):
    return Double()


def wrong(layer, lower):
    return Thrice()
"""


@pytest.fixture
def double(
    install: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], LayerCase]]:
    """``double(factory)``: a plugin with the layer Double and that lowering of it, and a case."""

    def case(factory: str) -> LayerCase:
        monkeypatch.setenv("ZOO_PLUGINS", "zoo-double")
        install("zoo-double", PLUGIN.replace("FACTORY", factory))
        _installed.cache_clear()
        layer = import_module("zoo_double").Double
        return LayerCase(layer, (2, 3, 4, 5), "double", elementwise)

    yield case
    _installed.cache_clear()


def test_a_right_one_passes(double: Callable[[str], LayerCase]) -> None:
    check_lowered(double("zoo_double:right"))


def test_a_wrong_one_is_found(double: Callable[[str], LayerCase]) -> None:
    with pytest.raises(AssertionError, match="double: computed by the engine, the output: "):
        check_lowered(double("zoo_double:wrong"))


def outcomes() -> dict[str, tuple[str, str]]:
    return {one.check: (one.state, one.message) for one in prove("zoo-double")}


def test_one_for_no_layer_is_found(double: Callable[[str], LayerCase]) -> None:
    double('zoo_double:right"), zoo.Lowering(layer="zoo_double:Alias", factory="zoo_double:right')
    assert outcomes()["lowerings"] == (
        "failed",
        "zoo-double: lowering of 'zoo_double:Alias': cannot import 'zoo_double:Alias': "
        "AttributeError: module 'zoo_double' has no attribute 'Alias'.",
    )


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        ("zoo_nowhere:double", "ModuleNotFoundError: No module named 'zoo_nowhere'"),
        (
            "zoo.errors:Nothing",
            "AttributeError: module 'zoo.errors' has no attribute 'Nothing'",
        ),
    ],
)
def test_one_that_cannot_be_imported_is_reported_once_and_the_layer_used(
    factory: str, reason: str, double: Callable[[str], LayerCase]
) -> None:
    layer = double(factory).build
    reported: list[str] = []
    model = Sequential(layer(), Conv2d(3, 3, 1), layer())
    fast = lower(model, reported.append)
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(fast(x), model(x))
    fast.eval()
    torch.testing.assert_close(fast(x), model(x))
    assert reported == [
        f"lowering of 'zoo_double:Double': cannot import {factory!r}: {reason}. "
        "Its layer computes as its own code says."
    ]


def test_a_hook_that_fails_is_told(
    double: Callable[[str], LayerCase], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = double("nowhere").build
    (failure,) = load_registry().failures
    assert str(failure) == (
        "plugin zoo-double 1.0: zoo_lowerings failed: lowering: factory is 'nowhere'. "
        "Write it as 'package.module:name'."
    )
    x = torch.randn(2, 3)
    assert lower(layer())(x).equal(2 * x)
    monkeypatch.setenv("ZOO_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match="zoo_lowerings failed"):
        load_registry()


def test_one_under_another_name_is_found(double: Callable[[str], LayerCase]) -> None:
    double("zoo_double:right")
    module = import_module("zoo_double")
    module.Double.__qualname__ = "Other"
    assert outcomes()["lowerings"] == (
        "failed",
        "zoo-double: the lowering of 'zoo_double:Double' is never used: the class is "
        "'zoo_double:Other'. Write that.",
    )
