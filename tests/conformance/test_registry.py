"""The registry and the conformance table agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo.nn
from tests.conformance.cases import INITIALIZERS, LAYERS, LOSSES, OPTIMIZERS
from tests.conformance.test_layers import CASES
from zoo.errors import PluginError
from zoo.plugins.records import LayerEntry
from zoo.plugins.registry import load_registry

ROOT = Path(__file__).parents[2]
TABLES: dict[str, Mapping[str, Any]] = {
    "layer": CASES,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "initializer": INITIALIZERS,
}
BUILT_INS = [item.entry for item in load_registry() if item.provider.distribution == "zoo"]


@pytest.mark.parametrize("kind", TABLES)
def test_every_registered_name_has_cases(kind: str) -> None:
    assert {entry.name for entry in BUILT_INS if entry.kind == kind} == set(TABLES[kind])
    assert all(TABLES[kind].values())


@pytest.mark.parametrize("name", LAYERS)
def test_cases_are_of_the_registered_layer(name: str) -> None:
    entry = load_registry().layer(name)
    assert {type(case.module()) for case in LAYERS[name]} == {entry.load()}
    assert {case.rule for case in LAYERS[name]} == {entry.load_shape_rule()}
    assert len({case.id for case in LAYERS[name]}) == len(LAYERS[name])


def missing(entry: LayerEntry) -> Iterator[str]:
    """What of CONTRIBUTING's list for adding a layer is not done."""
    module, _, name = entry.factory.partition(":")
    file = f"zoo/nn/{entry.name}.py"
    if not (ROOT / file).is_file():
        yield f"{file}: the layer is not there"
    if module != "zoo.nn" or name not in zoo.nn.__all__:
        yield f"zoo/nn/__init__.py: {name} is not exported, as zoo.nn:{name}"
    elif not all(word in (entry.load().__doc__ or "") for word in ("forward:", "backward:")):
        yield f"{file}: the docstring has not the formulas of forward and backward"
    schema = f"schemas/layer/{entry.name}.json"
    if not (ROOT / schema).is_file():
        yield f"{schema}: the parameters are not there"
    try:
        entry.load_shape_rule()
    except PluginError:
        yield f"zoo/spec/shape_rules.py: {entry.shape_rule.partition(':')[2]} is not there"
    reference = entry.torch_reference.partition(":")[2]
    if reference == "same_name" and not hasattr(torch.nn, name):
        yield f"zoo/testing/torch_references.py: torch.nn has no {name}; name another or none"
    try:
        entry.load_torch_reference()
    except PluginError:
        yield f"zoo/testing/torch_references.py: {reference} is not there"
    try:
        entry.load_onnx()
    except PluginError:
        yield f"zoo/export/layers.py: {entry.onnx.partition(':')[2]} is not there"
    if not entry.onnx:
        yield f"zoo/export/layers.py: {entry.name} is not named"


@pytest.mark.parametrize(
    "entry", [it for it in BUILT_INS if isinstance(it, LayerEntry)], ids=lambda entry: entry.name
)
def test_nothing_of_a_layer_is_missing(entry: LayerEntry) -> None:
    assert list(missing(entry)) == []


def test_what_is_missing_is_named() -> None:
    entry = replace(
        load_registry().layer("zoo:relu"),
        name="softsign",
        factory="zoo.nn:Softsine",
        shape_rule="zoo.spec.shape_rules:softsign",
        onnx="zoo.export.layers:softsign",
    )
    assert list(missing(entry)) == [
        "zoo/nn/softsign.py: the layer is not there",
        "zoo/nn/__init__.py: Softsine is not exported, as zoo.nn:Softsine",
        "schemas/layer/softsign.json: the parameters are not there",
        "zoo/spec/shape_rules.py: softsign is not there",
        "zoo/testing/torch_references.py: torch.nn has no Softsine; name another or none",
        "zoo/export/layers.py: softsign is not there",
    ]
    assert "zoo/export/layers.py: softsign is not named" in list(missing(replace(entry, onnx="")))
    wrong = replace(entry, torch_reference="zoo.testing.torch_references:softsign")
    assert "zoo/testing/torch_references.py: softsign is not there" in list(missing(wrong))
    undocumented = replace(entry, name="relu", factory="zoo.nn:Module")
    assert "zoo/nn/relu.py: the docstring has not the formulas of forward and backward" in list(
        missing(undocumented)
    )
