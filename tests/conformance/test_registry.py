"""The registry, the conformance table, the schemas and the constructors agree."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.conformance.cases import INITIALIZERS, LAYERS, LOSSES, OPTIMIZERS
from zoo.entries import Entry, LayerEntry
from zoo.init import PYTORCH
from zoo.registry import load_registry

TABLES: dict[str, Mapping[str, Any]] = {
    "layer": LAYERS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "initializer": INITIALIZERS,
}
# not written in an architecture file
GIVEN_BY_THE_COMPILER = {"params", "generator"}
SCHEMAS = Path(__file__).parents[2] / "schemas"

BUILT_INS = [item.entry for item in load_registry() if item.provider.distribution == "zoo"]
CHECKED = [pytest.param(entry, id=f"{entry.kind}-{entry.name}") for entry in BUILT_INS]


def arguments(entry: Entry) -> list[inspect.Parameter]:
    """The constructor's arguments that an architecture file can give."""
    parameters = inspect.signature(entry.load()).parameters
    given = GIVEN_BY_THE_COMPILER | ({"channels"} if entry.kind == "source" else set())
    return [item for name, item in parameters.items() if name not in given]


def as_written(default: Any) -> Any:
    """A default as an architecture file has it."""
    if isinstance(default, tuple):
        return list(default)
    return "pytorch" if default is PYTORCH else default


@pytest.mark.parametrize("kind", TABLES)
def test_every_registered_name_has_cases(kind: str) -> None:
    assert {entry.name for entry in BUILT_INS if entry.kind == kind} == set(TABLES[kind])
    assert all(TABLES[kind].values())


def test_every_schema_file_is_a_built_ins() -> None:
    files = {(path.parent.name, path.stem) for path in SCHEMAS.glob("*/*.json")}
    assert files == {(entry.kind, entry.name) for entry in BUILT_INS}


@pytest.mark.parametrize("name", LAYERS)
def test_cases_are_of_the_registered_layer(name: str) -> None:
    factory = load_registry().layer(name).load()
    assert {type(case.module()) for case in LAYERS[name]} == {factory}
    assert len({case.id for case in LAYERS[name]}) == len(LAYERS[name])


@pytest.mark.parametrize("entry", CHECKED)
def test_the_schema_is_valid_and_complete(entry: Entry) -> None:
    Draft202012Validator.check_schema(entry.schema)
    assert entry.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert entry.schema["$id"] == f"urn:zoo:{entry.kind}:{entry.name}"
    assert entry.schema["title"] == entry.summary
    for name, item in entry.schema["properties"].items():
        assert item.get("description", "").endswith("."), f"{name} is not described"


@pytest.mark.parametrize("entry", CHECKED)
def test_the_schema_says_what_the_constructor_says(entry: Entry) -> None:
    inferred = entry.inferred if isinstance(entry, LayerEntry) else {}
    properties = entry.schema["properties"]
    assert list(properties) == [item.name for item in arguments(entry)]
    assert {key: item["default"] for key, item in properties.items() if "default" in item} == {
        item.name: as_written(item.default)
        for item in arguments(entry)
        if item.default not in (inspect.Parameter.empty, None)  # TOML has no null
    }
    assert entry.schema["required"] == [
        item.name
        for item in arguments(entry)
        if item.default is inspect.Parameter.empty and item.name not in inferred
    ]
    assert set(inferred) <= set(properties)
