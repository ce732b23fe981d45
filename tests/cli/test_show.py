"""``zoo show``: the layers with their shapes, and the resolved file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli

from tests import containers

GOLDEN = Path(__file__).parent / "golden"
ARCHITECTURES = Path(__file__).parents[2] / "architectures"

BLOCKS = """
extends = "base.toml"
[[blocks.point]]
type = "conv2d"
out_channels = 3
kernel_size = 1
[[blocks.point]]
type = "relu"
"""
TWO = """extends = "blocks.toml"
name = "two"
[[layers]]
type = "conv2d"
out_channels = 3
kernel_size = 1
[[layers]]
type = "block"
use = "point"
[[layers]]
type = "conv2d"
out_channels = 3
kernel_size = 1
"""


@pytest.fixture
def zoo(cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``cli`` in a folder with the files of ``golden``, the containers installed."""
    shutil.copytree(GOLDEN, tmp_path, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(str(containers.FOLDER))
    monkeypatch.setenv("ZOO_PLUGINS", containers.NAME)
    return cli


def golden(name: str) -> str:
    return (GOLDEN / name).read_text("utf-8")


def test_table(zoo: Any) -> None:
    result = zoo("show", "nested.toml")
    assert result.out == golden("nested.show.txt")
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize("columns", ["20", "80", "300"])
def test_no_column_is_cut(columns: str, zoo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert zoo("show", "nested.toml").out == golden("nested.show.txt")


def test_the_shipped_ones_fit_a_terminal(cli: Callable[..., Any]) -> None:
    shipped = [
        path for path in ARCHITECTURES.glob("*.toml") if "plugins = " not in path.read_text("utf-8")
    ]
    assert len(shipped) > 3
    for path in shipped:
        assert max(map(len, cli("show", str(path)).out.splitlines())) <= 80


def test_another_file_is_named_once_before_its_lines(zoo: Any, tmp_path: Path) -> None:
    (tmp_path / "blocks.toml").write_text(BLOCKS, "utf-8")
    (tmp_path / "two.toml").write_text(TWO, "utf-8")
    assert zoo("show", "two.toml").out == (
        "two\n"
        "layer     line   output  parameters  multiply-adds\n"
        "input           3x16x16\n"
        "0 conv2d     3  3x16x16          12          2,304\n"
        "in blocks.toml:\n"
        "1 conv2d     3  3x16x16          12          2,304\n"
        "2 relu       7  3x16x16\n"
        "in two.toml:\n"
        "3 conv2d    10  3x16x16          12          2,304\n"
        "\n"
        "in all                           36          6,912\n"
        "receptive field: 1 x 1 pixels\n"
        "image sizes: heights and widths of any size\n"
    )


def test_json(zoo: Any) -> None:
    result = zoo("show", "nested.toml", "--json")
    assert json.loads(result.out) == json.loads(golden("nested.show.json"))
    assert (result.code, result.err) == (0, "")


def test_the_table_says_what_json_says(zoo: Any) -> None:
    table = zoo("show", "nested.toml").out
    shown = json.loads(zoo("show", "nested.toml", "--json").out)
    for row in shown["layers"]:
        shape = "x".join(map(str, row["output"]))
        assert (
            any(
                row["type"] in line and shape in line and (f"{row['parameters']:,}" in line)
                for line in table.splitlines()
            )
            or not row["parameters"]
        )
    outer = [row for row in shown["layers"] if len(row["layer"]) == 1]
    assert sum(row["parameters"] for row in outer) == shown["parameters"] == 7475
    assert sum(row["multiply_adds"] for row in outer) == shown["multiply_adds"]


def test_resolved(zoo: Any, tmp_path: Path) -> None:
    result = zoo("show", "nested.toml", "--resolved")
    assert result.out.replace(str(tmp_path), "/here") == golden("nested.resolved.txt")
    assert (result.code, result.err) == (0, "")


def test_the_resolved_file_resolves_to_itself(zoo: Any, tmp_path: Path) -> None:
    resolved = zoo("show", "nested.toml", "--resolved").out
    (tmp_path / "again.toml").write_text(resolved)
    assert zoo("show", "again.toml", "--resolved").out == resolved


def test_resolved_as_json(zoo: Any) -> None:
    as_toml = zoo("show", "nested.toml", "--resolved").out
    as_json = zoo("show", "nested.toml", "--resolved", "--json").out
    assert json.loads(as_json) == tomli.loads(as_toml)


def test_set(zoo: Any) -> None:
    before = json.loads(zoo("show", "nested.toml", "--json").out)
    after = json.loads(zoo("show", "nested.toml", "--json", "--set", "vars.width=4").out)
    assert before["layers"][0]["output"] == [8, 8, 8]
    assert after["layers"][0]["output"] == [4, 8, 8]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("show", "zoo show: Missing argument 'ARCH.toml'. See zoo show --help."),
        (
            "show base.toml nested.toml",
            "zoo show: Got unexpected extra argument (nested.toml). See zoo show --help.",
        ),
        ("show none.toml", "none.toml: cannot be read: No such file or directory."),
        (
            "show broken.toml --json",
            "broken.toml:3:37: A comma is missing in front of width = 16 }. "
            "Items need one between.",
        ),
        (
            "show base.toml --resolved --set optimizer.lr=-1",
            "--set:1:1: optimizer.lr: is -1. Use a finite number >= 0.",
        ),
    ],
)
def test_mistakes(line: str, message: str, zoo: Any) -> None:
    result = zoo(*line.split())
    assert (result.code, result.out, result.err) == (2, "", f"{message}\n")
