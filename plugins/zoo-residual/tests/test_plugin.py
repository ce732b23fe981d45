"""The distribution: found by zoo, described by its schemas, and quick to import."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib.metadata import entry_points
from typing import Any

import pytest

from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry

pytest.importorskip("zoo_residual", reason="zoo-residual is not installed")

from zoo_residual import plugin

ENTRIES = {entry.name: entry for entry in plugin.zoo_layers()}


def test_zoo_finds_it() -> None:
    (found,) = [point for point in entry_points(group="zoo") if point.name == "residual"]
    assert found.value == "zoo_residual.plugin"
    registry = load_registry(discover({"ZOO_PLUGINS": "zoo-residual"}))
    assert registry.failures == ()
    provided = [item for item in registry if item.provider.distribution == "zoo-residual"]
    assert {item.entry.name: item.entry for item in provided} == ENTRIES
    assert list(ENTRIES) == [
        "residual",
        "pixel_shuffle",
        "pixel_unshuffle",
        "batch_norm2d",
        "prelu",
        "gelu",
    ]
    assert plugin.zoo_api == ">=1,<2"


@pytest.mark.parametrize("name", ENTRIES)
def test_the_schema_says_what_the_constructor_says(name: str) -> None:
    entry = ENTRIES[name]
    arguments = inspect.signature(entry.load()).parameters.values()
    assert list(entry.schema["properties"]) == [argument.name for argument in arguments]
    needed: list[str] = []
    for argument in arguments:
        schema: dict[str, Any] = entry.schema["properties"][argument.name]
        if argument.default is inspect.Parameter.empty:
            needed.append(argument.name)
            assert "default" not in schema
        else:
            assert repr(schema["default"]) == repr(argument.default)  # 1 and 1.0 and True differ
        assert schema["description"].endswith(".")
    assert entry.schema["required"] == [one for one in needed if one not in entry.inferred]
    assert entry.schema["$id"] == f"urn:zoo-residual:layer:{name}"
    assert entry.summary == entry.schema["title"]


def test_entries_and_shape_rules_need_no_torch() -> None:
    code = (
        "import sys\n"
        "from zoo_residual import plugin\n"
        "rules = [entry.load_shape_rule() for entry in plugin.zoo_layers()]\n"
        "assert len(rules) == 6\n"
        "print('torch' in sys.modules)\n"
        "[entry.load() for entry in plugin.zoo_layers()]\n"
        "print('torch' in sys.modules)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.stdout, result.stderr) == ("False\nTrue\n", "")


@pytest.mark.slow
def test_zoo_plugin_check_finds_nothing() -> None:
    arguments = ["plugin", "check", "zoo-residual"]
    result = subprocess.run(
        [sys.executable, "-m", "zoo", *arguments], capture_output=True, text=True
    )
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert all(any(line.startswith(f"layer {name}: ") for line in lines) for name in ENTRIES)
    assert re.fullmatch(r"zoo-residual: \d+ checks passed(, \d+ skipped)?\.", lines[-1])
