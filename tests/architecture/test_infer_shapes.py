"""Layers that are impossible or do not fit together are reported before anything is built."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest

from zoo.architecture import Architecture, parse_architecture
from zoo.architecture.infer_shapes import ShapeInference
from zoo.errors import ArchitectureError, PluginError
from zoo.plugins.discovery import Provider
from zoo.plugins.records import LayerEntry
from zoo.plugins.registry import Registered, Registry
from zoo.spec.sizes import SizeRule

CONV = 'type = "conv2d", out_channels = 3, kernel_size = 3'
SAME = f"{{ {CONV}, padding = 1 }},"
Read = Callable[..., Architecture]


@pytest.fixture
def network(registry: Registry) -> Read:
    def read(*layers: str, size: tuple[int, int, int] = (3, 8, 10), **extra: str) -> Architecture:
        lines = [f"    {layer}," for layer in layers]
        text = "\n".join(
            [
                "format = 1",
                'name = "net"',
                "input = {{ channels = {}, height = {}, width = {} }}".format(*size),
                "layers = [",
                *lines,
                "]",
            ]
        )
        return parse_architecture(text, registry, "net.toml", Path())

    return read


def refused(build: Callable[[], object]) -> list[str]:
    with pytest.raises(ArchitectureError) as caught:
        build()
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (
            ['"relu"', f"{{ {CONV}, padding = 1, in_channels = 64 }}"],
            ["6:86: layer 1 (conv2d) expects 64 channels; layer 0 gives 3. "
             "Leave in_channels out, or use 3."],
        ),
        (
            [f"{{ {CONV}, padding = 1, in_channels = 1 }}"],
            ["5:86: layer 0 (conv2d) expects 1 channel; the input has 3. "
             "Leave in_channels out, or use 3."],
        ),
        (
            [
                '{ type = "linear", in_features = 3, out_features = 10 }',
                f"{{ {CONV}, padding = 1, in_channels = 5 }}",
                f"{{ {CONV}, dilation = 5 }}",
                '{ type = "linear", in_features = 3, out_features = 10 }',
            ],
            ["5:38: layer 0 (linear) expects 3 features; the input has 10. "
             "Leave in_features out, or use 10.",
             "6:86: layer 1 (conv2d) expects 5 channels; layer 0 gives 3. "
             "Leave in_channels out, or use 3.",
             "7:5: layer 2 (conv2d): kernel 11x11 (with dilation) is larger than the padded input "
             "8x10. Use a smaller kernel, more padding or a larger input."],
        ),
        (
            ['"relu"', '"relu"', f"{{ {CONV}, groups = 2 }}"],
            ["7:68: layer 2 (conv2d): groups is 2 with 3 input and 3 output channels. "
             "Use a divisor of both."],
        ),
        (
            [f'{{ {CONV}, stride = 2, padding = "same" }}'],
            ["5:81: layer 0 (conv2d): padding is 'same' with stride (2, 2). Use stride 1."],
        ),
        (
            [f"{{ {CONV} }}", '"relu"'],
            ["6:5: the output is 6x8, the input 8x10: the loss cannot compare them. "
             "Use layers that give back the input's shape."],
        ),
        (
            ['{ type = "conv2d", out_channels = 1, kernel_size = 1 }'],
            ["5:5: the output is 1x8x10, the input 3x8x10: the loss cannot compare them. "
             "Use layers that give back the input's shape."],
        ),
        (
            [
                f"{{ {CONV}, stride = 4, padding = 1 }}",
                f"{{ {CONV.replace('conv2d', 'upsampling')}, padding = 1, scale_factor = 4 }}",
            ],
            ["6:5: the output is 8x12, the input 8x10: the loss cannot compare them. "
             "Use layers that give back the input's shape. "
             "The network gives back heights and widths that are a multiple of 4."],
        ),
        (
            ['{ type = "conv2d", out_channels = 9000000000, kernel_size = 1 }',
             '{ type = "conv2d", out_channels = 3, kernel_size = 1 }'],
            ["4:1: layers: there are 63,000,000,003 parameters to train. "
             "Use 10,000,000,000 or fewer."],
        ),
        (
            ['"relu"'],
            ["4:1: layers: there is no parameter to train. "
             "Use a layer with a weight, such as conv2d."],
        ),
    ],
)  # fmt: skip
def test_layers_that_are_impossible_or_do_not_fit(
    layers: list[str], expected: list[str], network: Read
) -> None:
    lines = [f"net.toml:{line}" for line in expected]
    assert refused(lambda: network(*layers)) == [
        line.replace("net.toml:4:1: layers", "net.toml:4:10: layers") for line in lines
    ]


def test_a_mistake_elsewhere_does_not_keep_the_layers_from_being_walked(
    registry: Registry,
) -> None:
    text = f"""format = 1
name = 3
input = {{ channels = 3, height = 8, width = 8 }}
layers = [{{ {CONV} }}]
train.epochs = 0
"""
    assert refused(lambda: parse_architecture(text, registry, "net.toml", Path())) == [
        "net.toml:2:8: name: is 3. "
        "Use letters, digits, '_', '-' and '.', starting with a letter or digit. "
        'Text has quotes: "3".',
        "net.toml:4:11: the output is 6x6, the input 8x8: the loss cannot compare them. "
        "Use layers that give back the input's shape.",
        "net.toml:5:16: train.epochs: is 0. Use an integer >= 1.",
    ]


def test_what_is_known_of_a_network(network: Read, registry: Registry) -> None:
    spec = network(
        '{ type = "conv2d", out_channels = 4, kernel_size = [3, 5], stride = 2, padding = [1, 2] }',
        '"relu"',
        '{ type = "upsampling", out_channels = 3, kernel_size = 1 }',
    )
    assert [layer.info.output_shape for layer in spec.shapes.layers] == [
        (4, 4, 5),
        (4, 4, 5),
        (3, 8, 10),
    ]
    assert [layer.info.parameters for layer in spec.shapes.layers] == [3 * 4 * 15 + 4, 0, 4 * 3 + 3]
    assert spec.shapes.info.parameters == 199
    assert spec.shapes.info.multiply_adds == 4 * 4 * 5 * 3 * 15 + 3 * 8 * 10 * 4
    assert spec.shapes.receptive_field == (3, 5)
    assert [layer.parameters.get("in_channels") for layer in spec.layers] == [3, None, 4]
    rules = ShapeInference(registry, spec.root).size_rules(spec.shapes)
    assert rules == (SizeRule(2, 2), SizeRule(2, 2))


def test_a_network_of_one_width(network: Read, registry: Registry) -> None:
    """A linear layer sees whole rows: its network takes one width only."""
    spec = network('{ type = "linear", out_features = 10 }')
    assert spec.shapes.receptive_field == (1, inf)
    assert ShapeInference(registry, spec.root).size_rules(spec.shapes) == (
        SizeRule(1, 1),
        SizeRule(10, 0),
    )


def broken(**_: object) -> None:
    raise KeyError("slope")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("builtins:dict", "layer 'odd': its shape rule failed: "),
        ("builtins:print", "layer 'odd': its shape rule gave None, no LayerInfo."),
        ("zoo_gone:rule", "layer 'odd': cannot import 'zoo_gone:rule': "),
    ],
)
def test_a_plugins_shape_rule_that_does_not_work(
    rule: str, message: str, registry: Registry
) -> None:
    entry = LayerEntry(
        name="odd",
        factory="zoo_odd:Odd",
        schema={"type": "object", "properties": {}, "additionalProperties": False},
        summary="odd",
        shape_rule=rule,
    )
    item = Registered(entry, Provider("zoo-odd", "1.0", "odd"))
    text = 'format = 1\nname = "n"\ninput = { channels = 1, height = 1, width = 1 }\n'
    with pytest.raises(PluginError) as caught:
        parse_architecture(
            f'{text}layers = ["odd"]', Registry([*registry, item]), "net.toml", Path()
        )
    assert str(caught.value).startswith(message)
