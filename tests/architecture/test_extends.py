"""``extends``: the values of another file, where the own one has none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.architecture import Architecture, read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.errors import ArchitectureError
from zoo.plugins.registry import Registry

BASE = """\
format = 1
name = "base"
input = { channels = 3, height = 8, width = 8 }
optimizer = "adam"

[vars]
width = 5
kernel = 3

[[layers]]
type = "conv2d"
out_channels = { var = "width" }
kernel_size = { var = "kernel" }
padding = "same"

[[layers]]
type = "conv2d"
out_channels = 3
kernel_size = 1

[train]
epochs = 3
schedule = { type = "step", every = 2, factor = 0.5 }

[data]
source = "photos"
"""
Read = Callable[..., Architecture]


@pytest.fixture
def read(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Read:
    """``read(net.toml's text, name=text of another file, ...)``, in one folder."""
    monkeypatch.chdir(tmp_path)

    def read(text: str, *changes: str, **others: str) -> Architecture:
        for name, content in {"net": text, "base": BASE, **others}.items():
            Path(f"{name}.toml").write_text(content, "utf-8")
        return read_architecture("net.toml", registry, parse_overrides(changes, Path()))

    return read


def refused(build: Callable[[], object]) -> list[str]:
    with pytest.raises(ArchitectureError) as caught:
        build()
    return str(caught.value).splitlines()


EXTENDS = 'extends = "base.toml"\n'


def test_tables_are_merged_and_other_values_replaced(read: Read) -> None:
    base = read(BASE)
    assert read(EXTENDS) == base.__class__(
        **{**{f: getattr(base, f) for f in base.__dataclass_fields__}, "name": "base"}
    )
    spec = read(
        f"""{EXTENDS}
name = "net"
vars.width = 7
[optimizer]
lr = 0.5
[train]
epochs = 9
schedule = {{ type = "step", every = 4 }}
"""
    )
    assert (spec.name, spec.train.epochs) == ("net", 9)
    assert [layer.parameters["out_channels"] for layer in spec.layers] == [7, 3]
    assert spec.layers[0].parameters["kernel_size"] == 3
    assert (spec.optimizer.type, spec.optimizer.parameters["lr"]) == ("adam", 0.5)
    assert dict(spec.train.schedule.parameters) == {"every": 4, "factor": 0.5}


def test_a_table_of_another_type_replaces_the_whole_table(read: Read) -> None:
    spec = read(f'{EXTENDS}train.schedule = {{ type = "constant" }}\noptimizer.type = "sgd"\n'
                "optimizer.lr = 0.1\n")  # fmt: skip
    assert spec.train.schedule.type == "constant"
    assert spec.optimizer.type == "sgd"


def test_layers_are_replaced_whole(read: Read) -> None:
    spec = read(f'{EXTENDS}layers = [{{ type = "conv2d", out_channels = 3, kernel_size = 1 }}]\n')
    assert len(spec.layers) == 1


def test_a_base_can_extend_another(read: Read) -> None:
    spec = read('extends = "middle.toml"\nname = "net"\n',
                middle=f'{EXTENDS}vars.width = 9\nvars.kernel = 1\n')  # fmt: skip
    assert spec.layers[0].parameters["out_channels"] == 9
    assert spec.layers[0].parameters["kernel_size"] == 1


def test_the_command_line_changes_what_is_merged(read: Read) -> None:
    assert read(EXTENDS, "vars.width=4").layers[0].parameters["out_channels"] == 4


def test_paths_are_relative_to_the_file_they_are_written_in(
    registry: Registry, tmp_path: Path
) -> None:
    (tmp_path / "bases").mkdir()
    (tmp_path / "bases" / "base.toml").write_text(BASE)
    path = tmp_path / "net.toml"
    path.write_text('extends = "bases/base.toml"\ndata.validation = "others"\n')
    data = read_architecture(path, registry).data
    assert data.source.parameters["path"] == str(tmp_path / "bases" / "photos")
    assert data.validation is not None
    assert data.validation.parameters["path"] == str(tmp_path / "others")


def test_mistakes_are_reported_in_the_file_in_which_they_are_written(read: Read) -> None:
    wrong = BASE.replace("epochs = 3", "epochs = 0")
    assert refused(lambda: read(f"{EXTENDS}train.seed = -1\nvars.kernel = '3'\n", base=wrong)) == [
        "net.toml:2:14: train.seed: is -1. Use an integer >= 0.",
        'net.toml:3:15: vars.kernel: is "3". Use an integer >= 1 or a list of 2 integers >= 1. '
        "Numbers have no quotes. Used by layers[0].kernel_size in base.toml:13.",
        "base.toml:22:10: train.epochs: is 0. Use an integer >= 1.",
    ]


@pytest.mark.parametrize(
    ("text", "others", "expected"),
    [
        ('extends = "bse.toml"\nname = 3\n', {},
         'net.toml:1:11: extends: is "bse.toml", and bse.toml cannot be read: '
         "No such file or directory."),
        ("name = 3\nextends = 3\n", {},
         "net.toml:2:11: extends: is 3. Use the path of an architecture file, in quotes."),
        ('extends = ""\n', {},
         'net.toml:1:11: extends: is "". Use the path of an architecture file, in quotes.'),
        ('extends = "net.toml"\n', {},
         'net.toml:1:11: extends: is "net.toml", and these files extend each other: '
         "net.toml -> net.toml."),
        ('extends = "a.toml"\n',
         {"a": 'extends = "./b.toml"\n', "b": '\nextends = "net.toml"\n'},
         'b.toml:2:11: extends: is "net.toml", and these files extend each other: '
         "net.toml -> a.toml -> b.toml -> net.toml."),
        ('extends = "a.toml"\n', {"a": "x = \n"}, "a.toml:1:5: x has no value. "),
    ],
)  # fmt: skip
def test_what_cannot_be_extended(
    text: str, others: dict[str, str], expected: str, read: Read
) -> None:
    (line,) = refused(lambda: read(text, **others))
    assert line.startswith(expected)
    assert line == expected or "a.toml:1" in expected


def test_a_base_that_is_not_text(read: Read, tmp_path: Path) -> None:
    (tmp_path / "odd.toml").write_bytes(b"\xff")
    assert refused(lambda: read('extends = "odd.toml"\n')) == [
        'net.toml:1:11: extends: is "odd.toml", and odd.toml is not text in UTF-8. TOML files are.'
    ]
