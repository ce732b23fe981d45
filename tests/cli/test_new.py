"""``zoo new``."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli

from zoo.architecture import read_architecture
from zoo.describe.editor_schema import schema_text
from zoo.plugins.registry import load_registry

ROOT = Path(__file__).parents[2]
NET = """\
# A comment.
format = 1
name = "net"  # its name
input = { channels = 3, height = 16, width = 16 }
layers = [{ type = "conv2d", out_channels = 3, kernel_size = 1 }]  # one
"""


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def cli(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("ZOO_PLUGINS", "")
    return cli


def meaning(path: Path) -> dict[str, Any]:
    return tomli.loads(read_architecture(path, load_registry()).text)


def test_starts_a_file(cli: Callable[..., Any], tmp_path: Path) -> None:
    result = cli("new", "my-net.toml")
    assert (result.code, result.err) == (0, "")
    assert result.out == (
        "wrote my-net.toml\nwrote zoo.schema.json\n"
        "check it:  zoo check my-net.toml\ntrain it:  zoo run my-net.toml\n"
    )
    assert names(tmp_path) == ["my-net.toml", "zoo.schema.json"]
    text = (tmp_path / "my-net.toml").read_text("utf-8")
    assert text.startswith("#:schema ./zoo.schema.json\n# A small denoiser, ")
    assert "# Train:                  zoo run my-net.toml\n" in text
    assert (tmp_path / "zoo.schema.json").read_text("utf-8") == schema_text(load_registry())
    architecture = read_architecture(tmp_path / "my-net.toml", load_registry())
    assert (architecture.name, architecture.data.source.type) == ("my-net", "demo")
    checked = cli("check", "my-net.toml")
    assert (checked.code, checked.err) == (0, "")


@pytest.mark.slow
def test_the_started_file_trains(
    cli: Callable[..., Any], process: Callable[..., Any], tmp_path: Path
) -> None:
    cli("new", "small.toml")
    small = ["--epochs", "1", "--set", "data.samples_per_epoch=32", "--device", "cpu"]
    result = process("run", "small.toml", "--out", "run", *small, cwd=tmp_path)
    assert result.code == 0, result.err
    assert (tmp_path / "run" / "best.pkl").exists()


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("a.toml", "a"),
        ("my net (2).toml", "my_net_2_"),
        ("größe.toml", "groe"),
        ("_.toml", "architecture"),
        ("v1.2.toml", "v1.2"),
        ("日本.toml", "architecture"),
    ],
)
def test_the_name_is_made_of_the_files(
    file: str, name: str, cli: Callable[..., Any], tmp_path: Path
) -> None:
    assert cli("new", file).code == 0
    assert meaning(tmp_path / file)["name"] == name


def test_copies_with_comments(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(NET)
    result = cli("new", "copy.toml", "--from", "net.toml")
    assert (result.code, result.err) == (0, "")
    assert (tmp_path / "copy.toml").read_text() == "#:schema ./zoo.schema.json\n" + NET.replace(
        '"net"', '"copy"'
    )
    assert (tmp_path / "net.toml").read_text() == NET


SHIPPED = [
    path
    for path in sorted((ROOT / "architectures").glob("*.toml"))
    if "plugins = " not in path.read_text("utf-8")  # those are the plugins' to test
]


@pytest.mark.parametrize("path", SHIPPED, ids=str)
def test_copies_what_is_shipped(path: Path, cli: Callable[..., Any], tmp_path: Path) -> None:
    assert cli("new", "copy.toml", "--from", path).code == 0
    assert meaning(tmp_path / "copy.toml") == {**meaning(path), "name": "copy"}
    kept = (tmp_path / "copy.toml").read_text("utf-8").splitlines()
    lost = [line for line in path.read_text("utf-8").splitlines() if line not in kept]
    assert lost == [f'name = "{path.stem}"']


def test_a_schema_line_is_replaced(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(f"# Mine.\n\n#:schema ../other.json\n{NET}")
    assert cli("new", "copy.toml", "--from", "net.toml").code == 0
    lines = (tmp_path / "copy.toml").read_text().splitlines()
    assert lines[:3] == ["# Mine.", "", "#:schema ./zoo.schema.json"]


def test_line_ends_and_a_byte_order_mark(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_bytes(b"\xef\xbb\xbf" + NET.replace("\n", "\r\n").encode())
    assert cli("new", "copy.toml", "--from", "net.toml").code == 0
    text = (tmp_path / "copy.toml").read_bytes().decode()
    assert text == "#:schema ./zoo.schema.json\n" + NET.replace('"net"', '"copy"')


SOURCES = {
    '"photos"': '"../photos"',
    "'photos/a'": '"../photos/a"',
    '"../elsewhere"': '"../../elsewhere"',
    '"pairs.pkl"': '"../pairs.pkl"',
    '"pairs:both"': '"pairs:../both"',
    '"first,second"': '"../first,../second"',
    '"demo"': '"demo"',
    '"other/demo"': '"./demo"',
    '"/data/photos"': '"/data/photos"',
    '{ type = "folder", path = "photos" }': '{ type = "folder", path = "../photos" }',
    '{ type = "folder", path = { var = "v" } }': '{ type = "folder", path = { var = "v" } }',
    '{ type = "pairs", first = "a b", second = "b" }': (
        '{ type = "pairs", first = "../a b", second = "../b" }'
    ),
}


@pytest.mark.parametrize(("source", "moved"), SOURCES.items(), ids=SOURCES)
def test_paths_lead_to_the_same_files_from_another_folder(
    source: str, moved: str, cli: Callable[..., Any], tmp_path: Path
) -> None:
    folder = "other" if "other" in source else "sub"
    (tmp_path / folder).mkdir()
    text = f'{NET}[vars]\nv = "photos"\n[data]\nsource = {source}  # where\n'
    (tmp_path / "net.toml").write_text(text)
    result = cli("new", f"{folder}/copy.toml", "--from", "net.toml")
    assert (result.code, result.err) == (0, "")
    copy = tmp_path / folder / "copy.toml"
    assert f"source = {moved}  # where\n" in copy.read_text()
    assert meaning(copy) == {**meaning(tmp_path / "net.toml"), "name": "copy"}


def test_a_file_that_extends_another(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "net.toml").write_text(f'{NET}[data]\nsource = {{ type = "folder", path = "a" }}\n')
    (tmp_path / "sub" / "own.toml").write_text(
        '# Ours.\nextends = "../net.toml"\n[data]\nsource = { path = "b" }\n'
    )
    assert cli("new", "copy.toml", "--from", "sub/own.toml").code == 0
    assert (tmp_path / "copy.toml").read_text() == (
        '#:schema ./zoo.schema.json\nname = "copy"\n# Ours.\n'
        'extends = "net.toml"\n[data]\nsource = { path = "sub/b" }\n'
    )
    assert meaning(tmp_path / "copy.toml")["data"]["source"]["path"] == str(tmp_path / "sub" / "b")


def test_a_path_that_cannot_be_carried_over(cli: Callable[..., Any], tmp_path: Path) -> None:
    """A variable that is a path in one place and something else in another."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "net.toml").write_text(
        f'{NET}description = {{ var = "x" }}\n'
        '[vars]\nx = "photos"\n[data]\nsource = { type = "folder", path = { var = "x" } }\n'
    )
    result = cli("new", "sub/copy.toml", "--from", "net.toml")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "net.toml: has a relative path that cannot be rewritten for sub. "
        "Make it absolute, or copy into the same folder.\n"
    )
    assert names(tmp_path / "sub") == []
    assert cli("new", "copy.toml", "--from", "net.toml").code == 0


def test_a_schema_that_is_there_is_kept(cli: Callable[..., Any], tmp_path: Path) -> None:
    assert cli("new", "a.toml").code == 0
    result = cli("new", "b.toml")
    assert result.out == ("wrote b.toml\ncheck it:  zoo check b.toml\ntrain it:  zoo run b.toml\n")
    (tmp_path / "zoo.schema.json").write_text("mine")
    result = cli("new", "c.toml")
    assert result.out.splitlines()[1] == (
        "zoo.schema.json is not of what is installed now; "
        "refresh it:  zoo schema -o zoo.schema.json"
    )
    assert (tmp_path / "zoo.schema.json").read_text() == "mine"


MISTAKES = [
    ("new there.toml", "there.toml: is there already and stays as it is. Use another name."),
    ("new link.toml", "link.toml: is there already and stays as it is. Use another name."),
    ("new folder.toml", "folder.toml: is there already and stays as it is. Use another name."),
    ("new net", "net: does not end in .toml. Use net.toml."),
    ("new gone/net.toml", "gone/net.toml: there is no folder gone. Make it first."),
    ("new", "zoo new: Missing argument 'NAME.toml'. See zoo new --help."),
    ("new a.toml --from b.toml", "b.toml: cannot be read: No such file or directory."),
]


@pytest.mark.parametrize(("line", "message"), MISTAKES)
def test_mistakes(line: str, message: str, cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "there.toml").write_text("mine")
    (tmp_path / "link.toml").symlink_to("nowhere")
    (tmp_path / "folder.toml").mkdir()
    before = names(tmp_path)
    result = cli(*line.split())
    assert (result.code, result.out, result.err) == (2, "", f"{message}\n")
    assert names(tmp_path) == before
    assert (tmp_path / "there.toml").read_text() == "mine"


def test_a_copy_of_a_file_with_mistakes(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(NET.replace("kernel_size", "kernal_size"))
    result = cli("new", "copy.toml", "--from", "net.toml")
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[0].startswith("net.toml:5:")
    assert names(tmp_path) == ["net.toml"]


def test_a_file_that_another_program_makes_meanwhile(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.cli.new._require_new", lambda path: path.write_text("theirs"))
    result = cli("new", "net.toml")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"{MISTAKES[0][1].replace('there.toml', 'net.toml')}\n"
    assert (tmp_path / "net.toml").read_text() == "theirs"


def test_a_full_disk(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    result = cli("new", "net.toml")
    assert (result.code, result.out) == (1, "")
    assert result.err == "net.toml: cannot be written: No space left on device.\n"
    assert names(tmp_path) == []
