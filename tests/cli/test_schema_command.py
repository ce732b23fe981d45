"""``zoo schema``."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from zoo.describe.editor_schema import schema_text
from zoo.plugins.registry import load_registry

NOT_OURS = "is there and is no schema that zoo wrote. Use another name."


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_prints_the_schema_of_all_that_is_installed(cli: Callable[..., Any]) -> None:
    result = cli("schema")
    assert (result.code, result.err) == (0, "")
    schema = json.loads(result.out)
    Draft7Validator.check_schema(schema)
    assert result.out == schema_text(load_registry())
    assert {"layer.conv2d", "layer.probe"} <= set(schema["definitions"])  # probe is a plugin's


def test_without_plugins(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_PLUGINS", "")
    assert "layer.probe" not in json.loads(cli("schema").out)["definitions"]


def test_writes_it_to_a_file(cli: Callable[..., Any], tmp_path: Path) -> None:
    result = cli("schema", "-o", "zoo.schema.json")
    assert (result.code, result.out, result.err) == (0, "wrote zoo.schema.json\n", "")
    assert (tmp_path / "zoo.schema.json").read_text("utf-8") == cli("schema").out
    assert names(tmp_path) == ["zoo.schema.json"]


def test_replaces_an_older_one(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli("schema", "-o", "zoo.schema.json")
    old = (tmp_path / "zoo.schema.json").read_text("utf-8")
    monkeypatch.setenv("ZOO_PLUGINS", "")
    assert cli("schema", "-o", "zoo.schema.json").code == 0
    assert (tmp_path / "zoo.schema.json").read_text("utf-8") != old


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"$comment": "mine"}', "no JSON", "[" * 100_000, b"\xff\x00"],
    ids=["empty", "object", "list", "comment", "text", "deep", "binary"],
)
def test_replaces_nothing_else(
    content: str | bytes, cli: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = path.read_bytes()
    result = cli("schema", "-o", "mine.json")
    assert (result.code, result.out) == (2, "")
    assert result.err == f"mine.json: {NOT_OURS}\n"
    assert path.read_bytes() == before


MISTAKES = [
    ("schema -o folder", f"folder: {NOT_OURS}"),
    ("schema -o gone/a.json", "gone/a.json: there is no folder gone. Make it first."),
    ("schema a.json", "zoo schema: Got unexpected extra argument (a.json). See zoo schema --help."),
]


@pytest.mark.parametrize(("line", "message"), MISTAKES)
def test_mistakes(line: str, message: str, cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    result = cli(*line.split())
    assert (result.code, result.out, result.err) == (2, "", f"{message}\n")
    assert names(tmp_path) == ["folder"]


def test_a_folder_that_cannot_be_written(
    cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    result = cli("schema", "-o", "a.json")
    assert (result.code, result.out) == (1, "")
    assert result.err == "a.json: cannot be written: No space left on device.\n"
    assert names(tmp_path) == []


def test_help(cli: Callable[..., Any]) -> None:
    out = cli("schema", "--help").out
    assert "#:schema ./zoo.schema.json" in out
    assert "-o, --output FILE" in out
