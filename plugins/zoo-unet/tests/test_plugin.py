"""What the plugin is to zoo: what it offers, and what it costs to ask."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry

pytest.importorskip("zoo_unet", reason="zoo-unet is not installed")

from zoo_unet import plugin
from zoo_unet.schemas import read_schema

LAYERS = {"leaky_relu", "max_pool2d", "reflect_pad", "skip"}

USED = """
import sys
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry
registry = load_registry(discover({"ZOO_PLUGINS": "zoo-unet"}))
for item in registry:
    if item.provider.distribution == "zoo-unet":
        item.entry.load_shape_rule()
        print(item.entry.name)
sys.exit("torch" in sys.modules)
"""


def test_its_layers_are_found() -> None:
    registry = load_registry(discover({"ZOO_PLUGINS": "zoo-unet", "ZOO_STRICT_PLUGINS": "1"}))
    own = {item.entry.name for item in registry if item.provider.distribution == "zoo-unet"}
    assert own == LAYERS
    assert registry.failures == ()


def test_nothing_of_it_that_is_asked_before_building_imports_torch() -> None:
    result = subprocess.run(
        [sys.executable, "-c", USED], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert set(result.stdout.split()) == LAYERS


def test_the_versions_of_zoo_that_it_is_for_can_be_read_without_importing_it() -> None:
    tree = ast.parse(Path(plugin.__file__).read_text("utf-8"))
    (value,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "zoo_api"
    ]
    assert ast.literal_eval(value) == plugin.zoo_api == ">=1,<2"


@pytest.mark.parametrize("name", sorted(LAYERS))
def test_a_layer_is_described(name: str, zoo: Callable[..., str]) -> None:
    output = zoo("layers", name)
    assert "zoo-unet 0.1.0" in output
    for parameter, schema in read_schema(name)["properties"].items():
        assert parameter in output
        assert schema["description"].split()[0] in output
