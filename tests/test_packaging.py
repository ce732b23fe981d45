"""The wheel holds what it should, and reads its schemas as the working tree does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from email.message import Message
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from zoo.version import VERSION

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow  # it builds a wheel
UNUSED = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*", "build", "dist", "runs")

SCHEMAS_READ = """
import json
from importlib.metadata import version
import zoo
from zoo.plugins.registry import load_registry
from zoo.spec.schemas import read_schema
registry = load_registry()
print(json.dumps({
    "file": zoo.__file__,
    "version": version("zoo"),
    "failures": list(map(str, registry.failures)),
    "entries": {f"{i.entry.kind}/{i.entry.name}": i.entry.schema for i in registry},
    "architecture": read_schema("architecture.json"),
    "common": read_schema("common.json"),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel, built from a copy: building leaves files behind."""
    folder = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT, folder / "tree", ignore=UNUSED)
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", "..", "."]
    built = subprocess.run(
        command, cwd=folder / "tree", capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def unpacked(wheel: Path) -> Path:
    folder = wheel.parent / "site"
    ZipFile(wheel).extractall(folder)
    return folder


@pytest.fixture(scope="module")
def metadata(unpacked: Path) -> Message:
    (path,) = unpacked.glob("*.dist-info/METADATA")
    return Parser().parsestr(path.read_text("utf-8"))


def test_the_wheel_is_for_every_platform(wheel: Path) -> None:
    assert wheel.name == f"zoo-{VERSION}-py3-none-any.whl"


def test_the_wheel_has_the_modules_and_the_schemas_and_nothing_else(unpacked: Path) -> None:
    files = {
        path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()
    }
    modules = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("zoo/**/*.py")}
    data = {f"zoo/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("schemas/**/*.json")}
    assert len(data) > 30
    data |= {path.relative_to(ROOT).as_posix() for path in ROOT.glob("zoo/plugins/template/*")}
    data |= {path.relative_to(ROOT).as_posix() for path in ROOT.glob("zoo/report/templates/*")}
    data |= {"zoo/py.typed", "zoo/describe/starter.toml", "zoo/single/network.toml"}
    expected = modules | data
    assert {name for name in files if ".dist-info/" not in name} == expected
    assert f"zoo-{VERSION}.dist-info/licenses/LICENSE" in files


def test_the_metadata(metadata: Message) -> None:
    assert metadata["Name"] == "zoo"
    assert metadata["Version"] == VERSION
    assert metadata["Requires-Python"] == ">=3.10"
    assert metadata["License-Expression"] == "MIT"
    requirements = metadata.get_all("Requires-Dist", [])
    assert "torch>=2.11" in requirements
    needed = [text for text in requirements if "extra ==" not in text]
    assert not [
        text for text in needed if text.startswith(("pytest", "hypothesis", "mypy", "ruff"))
    ]


def test_the_command_is_an_entry_point(unpacked: Path) -> None:
    (path,) = unpacked.glob("*.dist-info/entry_points.txt")
    assert path.read_text("utf-8") == "[console_scripts]\nzoo = zoo.cli:console_main\n"


def run(site: Path | None, folder: Path, *arguments: str) -> str:
    """The output of Python with ``site`` before everything that is installed."""
    environment = {**os.environ, "ZOO_PLUGINS": ""}
    if site is not None:
        environment["PYTHONPATH"] = str(site)
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stderr == ""
    return result.stdout


def test_the_wheel_and_the_tree_read_the_same_schemas(unpacked: Path, tmp_path: Path) -> None:
    from_wheel = json.loads(run(unpacked, tmp_path, "-c", SCHEMAS_READ))
    from_tree = json.loads(run(None, tmp_path, "-c", SCHEMAS_READ))
    assert Path(from_wheel.pop("file")) == unpacked / "zoo" / "__init__.py"
    assert Path(from_tree.pop("file")) == ROOT / "zoo" / "__init__.py"
    assert from_wheel == from_tree
    assert from_wheel["failures"] == []
    on_disk = json.loads((ROOT / "schemas" / "layer" / "conv2d.json").read_text("utf-8"))
    assert from_wheel["entries"]["layer/conv2d"] == on_disk


def test_the_command_of_the_wheel(unpacked: Path, tmp_path: Path) -> None:
    assert run(unpacked, tmp_path, "-m", "zoo", "--version") == f"zoo, version {VERSION}\n"


def test_a_checkout_beside_an_installed_zoo_can_be_imported(unpacked: Path, tmp_path: Path) -> None:
    """The tree's package comes first, of which no installation has mapped the schemas."""
    checkout = tmp_path / "checkout"
    for name in ("zoo", "schemas"):
        shutil.copytree(ROOT / name, checkout / name, ignore=UNUSED)
    packages = (path for path in sys.path if "site-packages" in path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(unpacked), *packages])}
    command = [sys.executable, "-S", "-c", SCHEMAS_READ]  # -S: no finder of an editable zoo
    result = subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, check=False
    )
    assert result.stderr == ""
    assert Path(json.loads(result.stdout)["file"]) == checkout / "zoo" / "__init__.py"
