"""What a new plugin is called, and what its files say before anybody installs it."""

from __future__ import annotations

import ast
import re
from importlib.metadata import requires
from pathlib import Path

import pytest
import tomli
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from zoo.plugins.hookspecs import API_VERSION
from zoo.plugins.records import NAME
from zoo.plugins.scaffold import FILES, Names, names_of, plugin_files
from zoo.version import VERSION

ROOT = Path(__file__).parents[2]
SWISH = Names("zoo-swish", "zoo_swish", "swish")


@pytest.mark.parametrize(
    ("folder", "names"),
    [
        ("zoo-swish", SWISH),
        ("Zoo_Swish", SWISH),
        ("zoo.swish ", SWISH),
        ("zoo-blur", Names("zoo-blur", "zoo_blur", "blur_swish")),
        ("My plug-in!", Names("my-plug-in", "my_plug_in", "my_plug_in_swish")),
        ("Ünï", Names("uni", "uni", "uni_swish")),
        ("3d", Names("zoo-3d", "zoo_3d", "zoo_3d_swish")),
        ("class", Names("zoo-class", "zoo_class", "class_swish")),
        ("zoo", Names("zoo-zoo", "zoo_zoo", "zoo_swish")),
        ("zoo-", Names("zoo-zoo", "zoo_zoo", "zoo_swish")),
        ("日本", Names("zoo-plugin", "zoo_plugin", "plugin_swish")),
    ],
)
def test_the_names_are_as_near_to_the_folders_as_they_can_be(folder: str, names: Names) -> None:
    assert names_of(folder) == names
    assert names.package.isidentifier()
    assert NAME.fullmatch(names.layer)


def test_every_text_is_used_and_every_place_is_filled() -> None:
    texts = {path.name for path in (ROOT / "zoo" / "plugins" / "template").iterdir()}
    assert texts == {f"{name}.txt" for name in FILES}
    made = plugin_files(Names("zoo-a", "zoo_b", "c"))
    assert len(made) == len(FILES)
    for path, text in made.items():
        assert not re.search(r"\{\{\w", path + text), path
        assert text == "" or text.endswith("\n"), path


def test_the_requirements_are_zoos_own() -> None:
    project = tomli.loads(plugin_files(SWISH)["pyproject.toml"])["project"]
    own = tomli.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["requires-python"] == own["requires-python"]
    torch, zoo = map(Requirement, project["dependencies"])
    assert torch in map(Requirement, requires("zoo") or ())
    assert torch in map(Requirement, own["dependencies"])
    assert (zoo.name, VERSION in zoo.specifier) == ("zoo", True)
    assert zoo.specifier == SpecifierSet(">=0.1,<0.2")
    assert "license" not in project  # the author chooses


def test_the_plugin_says_which_interface_it_is_for_and_imports_no_torch() -> None:
    tree = ast.parse(plugin_files(SWISH)["zoo_swish/plugin.py"])
    (wanted,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "zoo_api"
    ]
    assert wanted == ">=1,<2"
    assert API_VERSION in SpecifierSet(wanted)
    for path in ("__init__.py", "plugin.py"):
        assert "import torch" not in plugin_files(SWISH)[f"zoo_swish/{path}"]


def test_it_is_short() -> None:
    lines = {path: text.count("\n") for path, text in plugin_files(SWISH).items()}
    assert len(lines) <= 8
    assert sum(lines.values()) <= 270
