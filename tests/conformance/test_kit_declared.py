"""Layers that are declared with ``@zoo.layer`` are proved as records are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from zoo.testing import prove

PLUGIN = '''
from dataclasses import replace

import zoo
from zoo.nn import Module


@zoo.layer("zoo_around:Around")
def around(where, shape, body=zoo.body(description="Inside."),
           factor=zoo.number(2.0, minimum=0, description="Of its output."),
           part=zoo.choice("all", "half", default="all", description="How much of it."),
           twice=zoo.boolean(False, description="Whether that counts twice."),
           axis=zoo.integer(None, minimum=1, maximum=3, description="Nothing.")):
    """The output of a body, scaled."""
    assert axis is None or 1 <= axis <= 3
    return body(shape)


class Around(Module):
    """As above."""

    batch_independent = True

    def __init__(self, body, factor=2.0, part="all", twice=False, axis=None):
        super().__init__()
        self.factor = factor * (0.5 if part == "half" else 1) * (2 if twice else 1)
        self.body = self.children["body"] = body

    def forward(self, x):
        return self.body.forward(x) * self.factor

    def backward(self, grad_y):
        return self.body.backward(grad_y * self.factor)

    def output_shape(self, input_shape):
        return self.body.output_shape(input_shape)
'''


def failures(install: Callable[..., None], code: str) -> dict[str, str]:
    install("zoo-around", code)
    found = {one.check: one.message for one in prove("zoo-around") if one.state == "failed"}
    assert "imports torch" in found.pop("no_torch")  # all is in one module
    return found


def test_a_container_with_parameters_of_every_kind(install: Callable[..., None]) -> None:
    assert failures(install, PLUGIN) == {}


@pytest.mark.parametrize(
    ("right", "wrong", "check", "message"),
    [
        (
            "zoo.number(2.0",
            "zoo.number(3.0",
            "schema",
            "layer around: the default of factor is 3.0 in the schema and 2.0 in the factory.",
        ),
        (
            "return body(shape)",
            "return shape",
            "shape_rule",
            "the shape rule counts 0 parameters. The layer has 330.",
        ),
    ],
)
def test_mistakes_are_found(
    right: str, wrong: str, check: str, message: str, install: Callable[..., None]
) -> None:
    assert PLUGIN.count(right) == 1
    found = failures(install, PLUGIN.replace(right, wrong))
    assert message in found[check]
