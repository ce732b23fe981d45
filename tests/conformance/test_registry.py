"""The registry and the conformance table agree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance.cases import INITIALIZERS, LAYERS, LOSSES, OPTIMIZERS
from zoo.plugins.registry import load_registry

TABLES: dict[str, Mapping[str, Any]] = {
    "layer": LAYERS,
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
