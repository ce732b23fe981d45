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
    lines = [line.rstrip() for line in result.out.splitlines()]
    assert lines == [line.rstrip() for line in golden("nested.show.txt").splitlines()]
    assert (result.code, result.err) == (0, "")


def test_json(zoo: Any) -> None:
    result = zoo("show", "nested.toml", "--json")
    assert json.loads(result.out) == json.loads(golden("nested.show.json"))
    assert (result.code, result.err) == (0, "")


def test_the_table_says_what_json_says(zoo: Any) -> None:
    table = zoo("show", "nested.toml").out
    shown = json.loads(zoo("show", "nested.toml", "--json").out)
    for row in shown["layers"]:
        shape = " x ".join(map(str, row["output"]))
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
