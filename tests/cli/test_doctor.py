"""``zoo doctor``, where all is well and where much is broken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.plugins.test_discovery import Site
from zoo.doctor import examination
from zoo.doctor.report import Finding, problem

Process = Callable[..., Any]
TITLES = [
    *("versions", "system", "optional parts", "plugins", "models", "devices", "data"),
    *("variables", "self-check"),
]


@pytest.fixture
def broken(tmp_path: Path) -> Site:
    """A folder to install into, beside the plugin of these tests."""
    folder = tmp_path / "site"
    folder.mkdir()
    return Site(folder)


def by_name(content: dict[str, Any], title: str) -> dict[str, dict[str, Any]]:
    return {finding["name"]: finding for finding in content[title]}


def test_all_is_well(process: Process, tmp_path: Path) -> None:
    result = process("doctor", "--json", cwd=tmp_path, ZOO_DEBUG="0")
    assert (result.code, result.err) == (0, "")
    content = json.loads(result.out)
    assert list(content) == ["usable", "problems", *TITLES]
    assert content["usable"]
    assert {"zoo", "python", "numpy"} <= set(by_name(content, "versions"))
    assert by_name(content, "plugins")["zoo-probe"]["value"]["state"] == "works"
    assert by_name(content, "devices")["cpu"]["value"] == 1
    variables = by_name(content, "variables")
    assert variables["OMP_NUM_THREADS"]["value"] == "1"
    assert variables["ZOO_DEBUG"]["value"] == "0"
    assert "chelsea" in by_name(content, "data")["demo"]["value"]
    assert [finding["state"] for finding in content["self-check"]] == ["ok", "ok"]


def test_the_page(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_broken_plugins_are_reported(process: Process, broken: Site, tmp_path: Path) -> None:
    broken.install("zoo-t-import", "raise RuntimeError('no GPU')")
    broken.install("zoo-t-leaves", "raise SystemExit(1)")
    result = process(
        *("doctor", "--json"),
        cwd=tmp_path,
        PYTHONPATH=str(broken.folder),
        ZOO_PLUGINS="zoo-t-import,zoo-t-leaves",
        ZOO_STRICT_PLUGINS="1",
    )
    assert (result.code, result.err) == (0, "")
    plugins = by_name(json.loads(result.out), "plugins")
    assert plugins["zoo-t-import"]["state"] == "problem"
    assert plugins["zoo-t-import"]["value"]["reasons"] == ["cannot be loaded: RuntimeError: no GPU"]
    assert plugins["zoo-t-import"]["advice"] == (
        "Install a version that works, uninstall it, or leave it out with ZOO_PLUGINS."
    )
    assert plugins["zoo-t-leaves"]["state"] == "problem"


def test_metadata_without_a_name(process: Process, broken: Site, tmp_path: Path) -> None:
    """What an interrupted pip leaves behind."""
    broken.install("zoo-t-nameless")
    info = broken.folder / "zoo_t_nameless-1.0.dist-info"
    (info / "METADATA").unlink()
    result = process("doctor", "--json", cwd=tmp_path, PYTHONPATH=str(broken.folder))
    assert (result.code, result.err) == (0, "")
    finding = by_name(json.loads(result.out), "versions")["a package"]
    assert finding["state"] == "problem"
    assert finding["value"] == f"its metadata have no name or no version: {info}"


def test_variables_that_name_no_plugin(process: Process, tmp_path: Path) -> None:
    result = process("doctor", "--json", cwd=tmp_path, ZOO_PLUGINS="zoo-none")
    assert (result.code, result.err) == (0, "")
    finding = by_name(json.loads(result.out), "plugins")["plugins"]
    assert finding["state"] == "problem"
    assert finding["value"].startswith("ZOO_PLUGINS: no installed plugin is called 'zoo-none'.")


def test_torch_that_cannot_be_imported(process: Process, broken: Site, tmp_path: Path) -> None:
    (broken.folder / "torch.py").write_text("raise OSError('libgomp.so.1: no such file')")
    result = process("doctor", cwd=tmp_path, PYTHONPATH=str(broken.folder), ZOO_PLUGINS="")
    assert (result.code, result.err) == (1, "")
    assert result.out.endswith("zoo cannot be used here.\n")
    assert "cannot be imported: libgomp.so.1: no such file" in " ".join(result.out.split())
    assert max(map(len, result.out.splitlines())) <= 80


def test_no_home_folder_is_shown(process: Process, tmp_path: Path) -> None:
    home = tmp_path / "home" / "anna"
    home.mkdir(parents=True)
    result = process(
        *("doctor", "--json"),
        cwd=home,
        HOME=str(home),
        PYTHONPATH=str(home / "lib"),
        ZOO_PLUGINS="",
    )
    assert result.code == 0
    assert by_name(json.loads(result.out), "variables")["PYTHONPATH"]["value"] == "~/lib"
    assert str(home) not in result.out
    shutil.rmtree(home)
