"""``zoo doctor``, where all is well and where much is broken."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.plugins.test_discovery import Site, site
from zoo.doctor import examination
from zoo.doctor.report import Finding, problem

__all__ = ["site"]  # a fixture

Cli = Process = Callable[..., Any]
TITLES = [
    *("versions", "system", "optional parts", "plugins", "models", "devices", "data"),
    *("variables", "self-check"),
]


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the self-check, which takes a while."""
    sections = {key: value for key, value in examination.SECTIONS.items() if key != "self-check"}
    monkeypatch.setattr(examination, "SECTIONS", sections)


def by_name(content: dict[str, Any], title: str) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in content[title]}


def doctor(cli: Cli) -> dict[str, Any]:
    """What it says as JSON where zoo can be used."""
    result = cli("doctor", "--json")
    assert (result.code, result.err) == (0, "")
    content: dict[str, Any] = json.loads(result.out)
    assert content["usable"]
    return content


def test_all_is_well(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DEBUG", "0")
    content = doctor(cli)
    assert list(content) == ["usable", "problems", *TITLES]
    assert {"zoo", "python", "numpy"} <= set(by_name(content, "versions"))
    assert by_name(content, "plugins")["zoo-probe"]["value"]["state"] == "works"
    assert by_name(content, "devices")["cpu"]["value"] == torch.get_num_threads()
    assert by_name(content, "variables")["ZOO_DEBUG"]["value"] == "0"
    assert "chelsea" in by_name(content, "data")["demo"]["value"]
    assert [finding["state"] for finding in content["self-check"]] == ["ok", "ok", "ok"]


def test_the_page(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    sections = {
        "one": lambda: [
            Finding("alpha", "1.0"),
            Finding("beta", "not installed", None, "absent", "pip install 'zoo[x]' adds it."),
        ],
        "two": lambda: [problem("gamma-with-a-name", "word " * 20, "Do this.", fatal=True)],
    }
    monkeypatch.setattr(examination, "SECTIONS", sections)
    result = cli("doctor")
    assert (result.code, result.err) == (1, "")
    assert result.out == (
        "one\n"
        "ok       alpha              1.0\n"
        "absent   beta               not installed. pip install 'zoo[x]' adds it.\n"
        "\n"
        "two\n"
        "problem  gamma-with-a-name  word word word word word word word word word word\n"
        "                            word word word word word word word word word word\n"
        "                            Do this.\n"
        "\n"
        "1 problem. zoo cannot be used here.\n"
    )


def test_broken_plugins_are_reported(
    cli: Cli, site: Site, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.install("zoo-t-import", "raise RuntimeError('no GPU')")
    site.install("zoo-t-leaves", "raise SystemExit(1)")
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-t-import,zoo-t-leaves")
    monkeypatch.setenv("ZOO_STRICT_PLUGINS", "1")
    plugins = by_name(doctor(cli), "plugins")
    assert plugins["zoo-t-import"]["state"] == "problem"
    assert plugins["zoo-t-import"]["value"]["reasons"] == ["cannot be loaded: RuntimeError: no GPU"]
    assert plugins["zoo-t-import"]["advice"] == (
        "Install a version that works, uninstall it, or leave it out with ZOO_PLUGINS."
    )
    assert plugins["zoo-t-leaves"]["state"] == "problem"


def test_metadata_without_a_name(
    cli: Cli, site: Site, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an interrupted installation leaves behind breaks no other command."""
    monkeypatch.delenv("ZOO_PLUGINS")
    site.install("zoo-t-nameless")
    info = site.folder / "zoo_t_nameless-1.0.dist-info"
    (info / "METADATA").unlink()
    content = doctor(cli)
    assert "zoo-probe" in by_name(content, "plugins")
    assert cli("plugins", "--json").code == 0
    finding = by_name(content, "versions")["a package"]
    assert finding["state"] == "problem"
    assert finding["value"] == f"it has no readable METADATA: {info}"


def test_variables_that_name_no_plugin(
    cli: Cli, fast: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-none")
    finding = by_name(doctor(cli), "plugins")["plugins"]
    assert finding["state"] == "problem"
    assert finding["value"].startswith("ZOO_PLUGINS: no installed plugin is called 'zoo-none'.")


def test_torch_that_cannot_be_imported(process: Process, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise OSError('libgomp.so.1: no such file')")
    home = tmp_path / "home" / "anna"
    home.mkdir(parents=True)
    path = os.pathsep.join(map(str, (home, tmp_path)))
    result = process("doctor", cwd=home, HOME=str(home), PYTHONPATH=path, ZOO_PLUGINS="")
    assert (result.code, result.err) == (1, "")
    assert result.out.endswith("zoo cannot be used here.\n")
    assert "cannot be imported: libgomp.so.1: no such file" in " ".join(result.out.split())
    assert f"PYTHONPATH ~{os.pathsep}{tmp_path}" in " ".join(result.out.split())
    lines = result.out.splitlines()
    assert [line for line in lines if len(line) > 80 and " " in line.strip()[40:]] == []
