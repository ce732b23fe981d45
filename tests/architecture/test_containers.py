"""Layers that contain layers, from a plugin: three ways to write a body, each read and built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import containers
from zoo.architecture import Architecture, parse_architecture
from zoo.compiler import Compiler
from zoo.errors import ArchitectureError
from zoo.nn import Conv2d, Module, ReLU, Sequential
from zoo.plugins.registry import Registry
from zoo.spec import shape_rules
from zoo.spec.layer_info import LayerInfo
from zoo.testing import LAYER_CHECKS, LayerCase, LayerCheck

TOP = """
format = 1
name = "net"
input = { channels = 3, height = 8, width = 6 }

[[blocks.conv]]
type = "conv2d"
out_channels = { var = "channels" }
kernel_size = 3
padding = 1

[[blocks.conv]]
type = "relu"

[vars]
channels = 3
"""
CONV_2_2 = {
    **{"in_channels": 2, "out_channels": 2, "kernel_size": 3, "padding": 1},
    **{"stride": 1, "dilation": 1, "groups": 1, "bias": True},
}
CONV = '{ type = "conv2d", out_channels = 3, kernel_size = 3, padding = 1 }'


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with containers.installed() as registry:
        yield registry


def read(registry: Registry, layers: str) -> Architecture:
    return parse_architecture(f"{TOP}\n{layers}\n", registry, "net.toml", Path())


def built(registry: Registry, layers: str) -> Sequential:
    compiler = Compiler(read(registry, layers), registry)
    return compiler.model(torch.Generator().manual_seed(0))


def refused(registry: Registry, layers: str) -> list[str]:
    with pytest.raises(ArchitectureError) as caught:
        read(registry, layers)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param('"conv"', id="name"),
        pytest.param('{ use = "conv" }', id="table"),
        pytest.param('{ use = "conv", with = { channels = 3 }, repeat = 1 }', id="with"),
        pytest.param(f'[{CONV}, "relu"]', id="list"),
        pytest.param('[{ type = "block", use = "conv" }]', id="list-of-blocks"),
        pytest.param('{ var = "which" }', id="variable"),
        pytest.param('{ use = { var = "which" } }', id="table-with-a-variable"),
    ],
)
def test_the_ways_to_write_a_body(body: str, registry: Registry) -> None:
    spec = read(registry, f'which = "conv"\n[[layers]]\ntype = "residual"\nbody = {body}')
    plain = read(registry, f'[[layers]]\ntype = "residual"\nbody = [{CONV}, "relu"]')
    assert spec.text == plain.text
    assert [item.type for item in spec.layers[0].parameters["body"]] == ["conv2d", "relu"]


def test_a_repeated_body_and_one_with_values(registry: Registry) -> None:
    model = built(
        registry,
        '[[layers]]\ntype = "concat"\n'
        'body = { use = "conv", with = { channels = 5 } }\n'
        '[[layers]]\ntype = "residual"\n'
        'body = { use = "conv", with = { channels = 8 }, repeat = 2 }\n'
        f"[[layers]]\n{CONV[1:-1].replace(', ', chr(10))}",
    )
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert {name: shape for name, shape in shapes.items() if name.endswith("weight")} == {
        "0.body.0.weight": (5, 3, 3, 3),
        "1.body.0.weight": (8, 8, 3, 3),
        "1.body.2.weight": (8, 8, 3, 3),
        "2.weight": (3, 8, 3, 3),
    }
    assert model(torch.rand(2, 3, 8, 6)).shape == (2, 3, 8, 6)


def test_bodies_in_bodies_compute_what_they_say(registry: Registry) -> None:
    inner = f'{{ type = "residual", body = [{CONV}] }}'
    model = built(registry, f'[[layers]]\ntype = "residual"\nbody = [{inner}, "relu"]')
    weights = model.state_dict()
    conv = Conv2d(3, 3, 3, padding=1)
    conv.set_weight(weights["0.body.0.body.0.weight"])
    conv.set_bias(weights["0.body.0.body.0.bias"])
    x = torch.rand(2, 3, 8, 6)
    assert torch.equal(model(x), x + ReLU()(x + conv(x)))


def test_what_is_known_of_a_body_before_it_is_built(registry: Registry) -> None:
    spec = read(registry, '[[layers]]\ntype = "residual"\nbody = { use = "conv", repeat = 2 }')
    (layer,) = spec.shapes.layers
    assert [inner.info.output_shape for inner in layer.bodies["body"].layers] == [(3, 8, 6)] * 4
    assert layer.info.parameters == 2 * (27 * 3 + 3)
    assert spec.shapes.receptive_field == (5, 5)


@pytest.mark.parametrize("check", LAYER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ["residual", "concat"])
def test_the_layers_keep_the_contract(name: str, check: LayerCheck, registry: Registry) -> None:
    entry = registry.layer(name)

    def build(generator: torch.Generator) -> Module:
        body = Sequential(Conv2d(2, 2, 3, padding=1, generator=generator), ReLU())
        layer: Module = entry.load()(body)
        return layer

    def rule(where: str, _: Mapping[str, Any], shape: tuple[int, ...]) -> LayerInfo:
        body = partial(shape_rules.conv2d, where, CONV_2_2)
        return entry.load_shape_rule()(where, {"body": body}, shape)

    check(LayerCase(build, (2, 2, 4, 3), name, rule))


def test_a_mismatch_inside_a_body_is_reported_at_its_line(registry: Registry) -> None:
    layers = """
[[layers]]
type = "residual"

[[layers.body]]
type = "conv2d"
out_channels = 8
kernel_size = 3
padding = 1

[[layers.body]]
type = "conv2d"
in_channels = 3
out_channels = 3
kernel_size = 3
padding = 1
"""
    line = 1 + (TOP + "\n" + layers).split("\n").index("in_channels = 3")
    assert refused(registry, layers) == [
        f"net.toml:{line}:15: layer 0 (residual), body layer 1 (conv2d) expects 3 channels; "
        "layer 0 (residual), body layer 0 gives 8. Leave in_channels out, or use 8."
    ]


def test_a_body_that_does_not_fit_around_is_reported_where_it_is_written(
    registry: Registry,
) -> None:
    layers = '[[layers]]\ntype = "residual"\nbody = { use = "conv", with = { channels = 4 } }'
    line = 1 + (TOP + "\n" + layers).split("\n").index(layers.split("\n")[2])
    assert refused(registry, layers) == [
        f"net.toml:{line}:8: layer 0 (residual): the body gives 4x8x6 and its input is 3x8x6. "
        "Use a body that gives back its input's shape."
    ]
