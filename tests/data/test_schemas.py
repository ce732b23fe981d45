from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from zoo.data import NOISES, SOURCES
from zoo.errors import ArgumentError

SCHEMAS = Path(__file__).parents[2] / "schemas"
FACTORIES = {("noise", name): factory for name, factory in NOISES.items()} | {
    ("source", name): factory for name, factory in SOURCES.items()
}
every_entry = pytest.mark.parametrize(("kind", "name"), list(FACTORIES))


def read(path: str) -> Any:
    return json.loads((SCHEMAS / f"{path}.json").read_text(encoding="utf-8"))


def validator(kind: str, name: str) -> Draft202012Validator:
    common = Resource.from_contents(read("common"))
    registry: Registry[Any] = Registry().with_resource("urn:zoo:common", common)
    return Draft202012Validator(read(f"{kind}/{name}"), registry=registry)


def load(kind: str, name: str) -> Callable[..., Any]:
    module, _, attribute = FACTORIES[kind, name].partition(":")
    factory: Callable[..., Any] = getattr(import_module(module), attribute)
    return factory


def parameters(kind: str, name: str) -> dict[str, Any]:
    """Name and default of each parameter that is written in a file, EMPTY where it has none."""
    signature = inspect.signature(load(kind, name)).parameters.values()
    return {p.name: p.default for p in signature if (kind, p.name) != ("source", "channels")}


@pytest.mark.parametrize(("kind", "factories"), [("noise", NOISES), ("source", SOURCES)])
def test_each_built_in_has_a_schema(kind: str, factories: dict[str, str]) -> None:
    assert sorted(path.stem for path in (SCHEMAS / kind).glob("*.json")) == sorted(factories)


@every_entry
def test_a_schema_describes_a_closed_object(kind: str, name: str) -> None:
    schema = read(f"{kind}/{name}")
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:zoo:{kind}:{name}"
    assert schema["title"]
    assert "\n" not in schema["title"]
    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert all(value["description"] for value in schema["properties"].values())


@every_entry
def test_a_schema_has_the_factorys_parameters_and_defaults(kind: str, name: str) -> None:
    schema = read(f"{kind}/{name}")
    expected = parameters(kind, name)
    assert list(schema["properties"]) == list(expected)
    empty = inspect.Parameter.empty
    assert schema["required"] == [key for key, value in expected.items() if value is empty]
    for key, default in expected.items():
        if default is empty or default is None:  # TOML has no null: the key is left out
            assert "default" not in schema["properties"][key]
        else:
            written = list(default) if isinstance(default, tuple) else default
            assert schema["properties"][key]["default"] == written


@every_entry
def test_the_defaults_are_valid(kind: str, name: str) -> None:
    properties = read(f"{kind}/{name}")["properties"]
    written = {key: value["default"] for key, value in properties.items() if "default" in value}
    required = dict.fromkeys(read(f"{kind}/{name}")["required"], "folder")
    assert validator(kind, name).is_valid(written | required)


@every_entry
def test_paths_are_marked(kind: str, name: str) -> None:
    properties = read(f"{kind}/{name}")["properties"]
    marked = {key for key, value in properties.items() if value.get("x-zoo-path") is True}
    assert marked == {"path", "first", "second", "folder"}.intersection(properties)


@pytest.mark.parametrize(
    ("name", "parameter", "good", "bad"),
    [
        ("gaussian", "sigma", [0, 25.5, [0, 50]], [-1, [0], [1, 2, 3], "25", True]),
        ("poisson", "lam", [0.001, 30, [1, 2]], [0, [0, 1], [1, -2], "30"]),
        ("bernoulli", "keep", [0.5, 1, [0.1, 1]], [0, 1.5, [0, 1], [0.5]]),
        ("impulse", "probability", [0, 1, [0, 1]], [-0.1, 1.1, [0, 2]]),
        ("pixel_sampling", "block", [1, 8, [6, 8]], [0, 2.5, [0, 3], [1, 2, 3], "6"]),
    ],
)
def test_schema_and_constructor_agree(
    name: str, parameter: str, good: list[object], bad: list[object]
) -> None:
    schema, factory = validator("noise", name), load("noise", name)
    for value in good:
        assert schema.is_valid({parameter: value})
        factory(**{parameter: value})
    for value in bad:
        assert not schema.is_valid({parameter: value})
        with pytest.raises(ArgumentError):
            factory(**{parameter: value})
