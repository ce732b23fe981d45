"""Variables of ``[input]``, and multiples of variables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.architecture import Architecture
from zoo.architecture.read import parse_architecture
from zoo.errors import ArchitectureError
from zoo.plugins.registry import Registry

Read = Callable[[str], Architecture]

HEAD = """format = 1
name = "net"
vars = { width = 8, lr = 0.5, two = 2 }
"""
LAYERS = """
[[layers]]
type = "conv2d"
out_channels = { var = "width", times = 3 }
kernel_size = 1

[[blocks.last]]
type = "conv2d"
out_channels = { var = "input.channels" }
kernel_size = 1

[[layers]]
type = "block"
use = "last"
"""


@pytest.fixture
def read(registry: Registry) -> Read:
    return lambda text: parse_architecture(text, registry, "net.toml", Path())


def read_with(changes: dict[str, str], read: Read, sizes: str = "channels = 5") -> Architecture:
    text = f"{HEAD}input = {{ {sizes}, height = 16, width = 16 }}\n{LAYERS}"
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    return read(text)


@pytest.mark.parametrize("sizes", ["channels = 5", "channels = { var = 'two', times = 2 }"])
def test_they_stand_for_what_the_input_has(sizes: str, read: Read) -> None:
    spec = read_with({}, read, sizes)
    channels = 5 if "5" in sizes else 4
    assert spec.layers[0].parameters["out_channels"] == 24
    assert spec.layers[1].parameters["out_channels"] == spec.input.channels == channels
    assert "var" not in spec.text


def test_a_variable_of_the_same_name_wins(read: Read) -> None:
    spec = read_with({"width = 8,": '"input.channels" = 5, width = 8,'}, read)
    assert spec.layers[1].parameters["out_channels"] == 5


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            '"width", times = 3',
            '"width", times = 0',
            "net.toml:8:41: layers[0].out_channels.times: is 0. Use an integer >= 1.",
        ),
        (
            '"width", times = 3',
            '"lr", times = 3',
            "net.toml:8:38: layers[0].out_channels.times: multiplies 0.5. Use it with an integer.",
        ),
        (
            "times = 3",
            "times = 9_000_000_000_000_000_000",
            "net.toml:8:41: layers[0].out_channels.times: makes 8 an integer of more than 64 bits. "
            "Use a smaller one.",
        ),
        (
            '"input.channels"',
            '"input.chanels"',
            'net.toml:13:24: blocks.last[0].out_channels.var: is "input.chanels", which is not in '
            '[vars]. Variables: lr, two, width. Did you mean "input.channels"? '
            "Used by layers[1] in line 16.",
        ),
        (
            "channels = 5",
            'channels = { var = "input.width" }',
            'net.toml:4:30: input.channels.var: is "input.width", which is not in [vars]. '
            "Variables: lr, two, width.",
        ),
        ("channels = 5, ", "", "net.toml:4:9: input.channels: is missing. Use an integer >= 1."),
        (
            "channels = 5",
            "channels = 0",
            "net.toml:4:22: input.channels: is 0. Use an integer >= 1.",
        ),
    ],
)
def test_each_mistake_is_reported_once(before: str, after: str, expected: str, read: Read) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read_with({before: after}, read)
    assert [str(problem) for problem in caught.value.problems] == [expected]
