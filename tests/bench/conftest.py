from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zoo.architecture import Architecture, parse_architecture
from zoo.compiler import Compiler
from zoo.nn import ReLU
from zoo.plugins.discovery import Provider
from zoo.plugins.records import LayerEntry
from zoo.plugins.registry import Registered, Registry, load_registry

REST = """
[data]
source = "demo"
noise = { type = "gaussian", sigma = 25 }

[train]
epochs = 1
"""


@pytest.fixture
def compiled() -> Callable[..., Compiler]:
    """``compiled(layers, ...)``: of tables of layers, in TOML, the compiler."""

    def compiled(
        layers: str,
        optimizer: str = '{ type = "sgd", lr = 0.1 }',
        size: int = 8,
        registry: Registry | None = None,
        precision: str = "float32",
    ) -> Compiler:
        registry = registry or load_registry()
        text = (
            f'format = 1\nname = "net"\ninput = {{ channels = 3, height = {size}, width = {size} }}'
            f'\nlayers = [{layers}]\noptimizer = {optimizer}\n{REST}precision = "{precision}"\n'
        )
        spec: Architecture = parse_architecture(text, registry, "net.toml", Path())
        return Compiler(spec, registry)

    return compiled


@pytest.fixture
def swish(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Registry]:
    """``swish(reference)``: the built-ins, and a layer ``swish`` of ``zoo-swish 1.0``: a ReLU.

    Its torch reference is made by the function ``reference``; it has none where that is None.
    """

    class Swish(ReLU):
        pass

    def registry(reference: Any) -> Registry:
        module = ModuleType("zoo_swish")
        vars(module).update(Swish=Swish, reference=reference)
        monkeypatch.setitem(sys.modules, "zoo_swish", module)
        entry = LayerEntry(
            name="swish",
            factory="zoo_swish:Swish",
            schema={"type": "object", "properties": {}, "additionalProperties": False},
            summary="For these tests.",
            shape_rule="zoo.spec.shape_rules:elementwise",
            torch_reference="zoo_swish:reference" if reference else "",
        )
        provider = Provider("zoo-swish", "1.0", "swish")
        return Registry([*load_registry(), Registered(entry, provider)])

    return registry
