"""Variables and blocks are put in place, and problems name where the value was written."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from zoo.architecture import Architecture, parse_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.errors import ArchitectureError
from zoo.plugins.registry import Registry

START = """\
format = 1
name = "net"
input = { channels = 3, height = 8, width = 8 }
"""  # 3 lines
END = """
[[layers]]
type = "upsampling"
out_channels = 3
kernel_size = 1
scale_factor = 1
"""
Read = Callable[[str], Architecture]


@pytest.fixture
def read(registry: Registry) -> Read:
    return lambda text: parse_architecture(START + text, registry, "net.toml", Path())


def refused(build: Callable[[], object]) -> list[str]:
    with pytest.raises(ArchitectureError) as caught:
        build()
    return str(caught.value).splitlines()


CONV = """
[[blocks.conv]]
type = "conv2d"
out_channels = { var = "channels" }
kernel_size = { var = "kernel" }
padding = "same"

[[blocks.conv]]
type = "relu"
"""  # lines 5 to 12


def test_a_block_stands_for_its_layers(read: Read) -> None:
    spec = read(
        f"""{CONV}
[[layers]]
type = "block"
use = "conv"
repeat = 2
with = {{ channels = 5, kernel = [1, 3] }}

[[layers]]
type = "block"
use = "conv"
with = {{ channels = 3, kernel = 1 }}
"""
    )
    conv = ("conv2d", 5, [1, 3])
    assert [
        (
            layer.type,
            layer.parameters.get("out_channels"),
            layer.parameters.get("kernel_size"),
        )
        for layer in spec.layers
    ] == [conv, ("relu", None, None)] * 2 + [("conv2d", 3, 1), ("relu", None, None)]
    assert [layer.parameters.get("in_channels") for layer in spec.layers] == [
        3, None, 5, None, 5, None,
    ]  # fmt: skip


def test_what_with_leaves_out_is_that_of_vars(read: Read) -> None:
    spec = read(
        f"""vars = {{ channels = 3, kernel = 5 }}
{CONV}
[[layers]]
type = "block"
use = "conv"
with.kernel = 3
"""
    )
    assert spec.layers[0].parameters["out_channels"] == 3
    assert spec.layers[0].parameters["kernel_size"] == 3


def test_a_block_does_not_see_what_the_block_around_it_is_given(read: Read) -> None:
    text = """
[[blocks.outer]]
type = "block"
use = "inner"

[[blocks.inner]]
type = "conv2d"
out_channels = { var = "channels" }
kernel_size = 1

[[layers]]
type = "block"
use = "outer"
with.channels = 3
"""
    assert refused(lambda: read(text)) == [
        'net.toml:11:24: blocks.inner[0].out_channels.var: is "channels", which is not in [vars]. '
        "There are none. Used by blocks.outer[0] in line 5, by layers[0] in line 14.",
        'net.toml:17:6: layers[0].with.channels: is no variable of the block "outer". '
        "There are none.",
    ]
    spec = read(
        text.replace('use = "inner"', 'use = "inner"\nwith = { channels = { var = "channels" } }')
    )
    assert spec.layers[0].parameters["out_channels"] == 3


def test_a_variable_can_stand_for_any_value(read: Read) -> None:
    spec = read(
        """vars = { kind = "conv2d", size = [3, 1], first = { type = "zeros" }, shape = "same" }
optimizer = { var = "step" }
vars.step = { type = "sgd", lr = 0.5 }
layers = [{ type = { var = "kind" }, out_channels = 3, kernel_size = { var = "size" },
            padding = { var = "shape" }, init = { var = "first" } }]
""".replace("vars = { kind", "vars = { step = { type = 'sgd', lr = 0.5 }, kind").replace(
            'vars.step = { type = "sgd", lr = 0.5 }\n', ""
        )
    )
    assert spec.layers[0].type == "conv2d"
    assert spec.layers[0].parameters["kernel_size"] == [3, 1]
    assert spec.layers[0].parameters["init"].type == "zeros"
    assert (spec.optimizer.type, spec.optimizer.parameters["lr"]) == ("sgd", 0.5)


def test_the_resolved_text_has_neither_variables_nor_blocks(read: Read, registry: Registry) -> None:
    spec = read(
        f"""vars.channels = 3
{CONV}
[[layers]]
type = "block"
use = "conv"
with.kernel = 3
"""
    )
    for word in ("var", "block", "with", "use", "repeat"):
        assert f"\n{word}" not in spec.text
        assert f"{word} =" not in spec.text
    again = parse_architecture(spec.text, registry, "net.toml", Path())
    assert again == spec


def test_a_wrong_value_is_placed_where_it_was_written(read: Read) -> None:
    assert refused(
        lambda: read(
            f"""vars.width = "wide"
{CONV}
[[layers]]
type = "block"
use = "conv"
with = {{ channels = {{ var = "width" }}, kernel = 0 }}
{END}"""
        )
    ) == [
        'net.toml:4:14: vars.width: is "wide". Use an integer >= 1. '
        "Used by layers[0].with.channels in line 18, by blocks.conv[0].out_channels in line 8, "
        "by layers[0] in line 15.",
        "net.toml:18:49: layers[0].with.kernel: is 0. Use an integer >= 1 or a list of 2 integers "
        ">= 1. Used by blocks.conv[0].kernel_size in line 9, by layers[0] in line 15.",
    ]


def test_a_mistake_in_a_block_that_is_used_often_is_reported_once(read: Read) -> None:
    text = """
[[blocks.conv]]
type = "conv2d"
out_channels = 3
kernel = 1

[[layers]]
type = "block"
use = "conv"
repeat = 3

[[layers]]
type = "block"
use = "conv"
"""
    assert refused(lambda: read(text)) == [
        "net.toml:5:1: blocks.conv[0].kernel_size: is missing. "
        "Use an integer >= 1 or a list of 2 integers >= 1. Used by layers[0] in line 10.",
        "net.toml:8:1: blocks.conv[0].kernel: is not a known key. Known keys: bias, bias_init, "
        "dilation, groups, in_channels, init, kernel_size, out_channels, padding, stride. "
        "Did you mean kernel_size? Used by layers[0] in line 10.",
    ]


def test_a_block_that_nothing_uses_is_checked_too(read: Read, registry: Registry) -> None:
    text = """
[[blocks.spare]]
type = "conv2d"
out_channels = { var = "channels" }
kernel_size = 0
[[blocks.spare]]
type = "rleu"
"""
    assert refused(lambda: read(text + END)) == [
        "net.toml:8:15: blocks.spare[0].kernel_size: is 0. "
        "Use an integer >= 1 or a list of 2 integers >= 1.",
        'net.toml:10:8: blocks.spare[1].type: is "rleu". Use one of: '
        f'{", ".join(registry.names("layer"))}. Did you mean "relu"?',
    ]


USE = 'type = "block"\nuse = "conv"\n'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{CONV}[[layers]]\ntype = 'block'\nuse = 'cnov'{END}",
         ['15:7: layers[0].use: is "cnov", which is no block. Blocks: conv. Did you mean "conv"?']),
        (f"[[layers]]\ntype = 'block'\nuse = 'conv'{END}",
         ['6:7: layers[0].use: is "conv", which is no block. There are none.']),
        (f"{CONV}[[layers]]\ntype = 'block'{END}",
         ["13:1: layers[0].use: is missing. Use the name of a block."]),
        (f"{CONV}[[layers]]\n{USE}reapet = 2\nrepeat = 0{END}",
         ["16:1: layers[0].reapet: is not a known key. Known keys: repeat, use, with. "
          "Did you mean repeat?",
          "17:10: layers[0].repeat: is 0. Use an integer >= 1 and <= 1000."]),
        (f"{CONV}[[layers]]\n{USE}with = {{ chanels = 3, kernel = 1, channels = 3 }}{END}",
         ['16:10: layers[0].with.chanels: is no variable of the block "conv". '
          "Its variables: channels, kernel. Did you mean channels?"]),
        (f"[[blocks.a]]\ntype = 'block'\nuse = 'a'\n[[layers]]\ntype = 'block'\nuse = 'a'{END}",
         ['6:7: blocks.a[0].use: is "a", a block that contains itself: a -> a. '
          "Used by layers[0] in line 7."]),
        ("[[blocks.a]]\ntype = 'block'\nuse = 'b'\n[[blocks.b]]\ntype = 'relu'\n"
         f"[[blocks.b]]\ntype = 'block'\nuse = 'a'{END}",
         ['11:7: blocks.b[1].use: is "a", a block that contains itself: a -> b -> a. '
          "Used by blocks.a[0] in line 4."]),
        (f"blocks.a = 3\nblocks.b = []\n[[layers]]\ntype = 'block'\nuse = 'a'{END}",
         ["4:12: blocks.a: is 3. Use one or more [[blocks.NAME]] tables.",
          "5:12: blocks.b: is []. Use one or more [[blocks.NAME]] tables."]),
        (f"vars = 3{END}", ["4:8: vars: is 3. Use a table of names and values."]),
        (f"vars = {{ a = 1, b = {{ var = 'a' }} }}{END}",
         ["4:21: vars.b: refers to a variable. Use a value."]),
        (f"vars = {{ width = 3 }}\nloss = {{ var = 'wdith' }}{END}",
         ['5:16: loss.var: is "wdith", which is not in [vars]. Variables: width. '
          'Did you mean "width"?']),
        (f"loss = {{ var = 3 }}{END}",
         ["4:16: loss.var: is 3. Use the name of a variable, in quotes."]),
    ],
)  # fmt: skip
def test_what_cannot_be_put_in_place(text: str, expected: list[str], read: Read) -> None:
    assert refused(lambda: read(text)) == [f"net.toml:{line}" for line in expected]


def test_more_layers_than_fit_into_memory(read: Read) -> None:
    names = "abcdefgh"
    text = "\n".join(
        f"[[blocks.{name}]]\ntype = 'block'\nuse = '{after}'\nrepeat = 1000\n"
        for name, after in pairwise(names)
    )
    text += "[[blocks.h]]\ntype = 'relu'\n[[layers]]\ntype = 'block'\nuse = 'a'\n"
    assert refused(lambda: read(text)) == [
        "net.toml:29:1: blocks.f[0]: makes more than 10,000 layers. Repeat it less often. "
        "Used by blocks.e[0] in line 24, by blocks.d[0] in line 19, by blocks.c[0] in line 14, "
        "by blocks.b[0] in line 9, by blocks.a[0] in line 4, by layers[0] in line 40."
    ]


def test_a_variable_that_is_set_and_nothing_uses(registry: Registry, tmp_path: Path) -> None:
    text = (
        'format = 1\nname = "net"\ninput = { channels = 3, height = 8, width = 8 }\n'
        "[vars]\nwidth = 3\nunused = 1\n"
        '[[layers]]\ntype = "conv2d"\nout_channels = { var = "width" }\nkernel_size = 1\n'
    )

    def read(*changes: str) -> object:
        overrides = parse_overrides(changes, tmp_path)
        return parse_architecture(text, registry, "net.toml", tmp_path, overrides)

    read("vars.width=3")
    with pytest.raises(ArchitectureError) as caught:
        read("vars.wdth=8", "vars.width=3", "vars.unused=2")
    assert str(caught.value).splitlines() == [
        "--set:1:1: vars.wdth: is a variable that nothing in net.toml uses. Its variables: width. "
        "Did you mean width?",
        "--set:3:1: vars.unused: is a variable that nothing in net.toml uses. Its variables: "
        "width.",
    ]
