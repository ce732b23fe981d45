"""The schemas of noises and sources accept what the constructors accept."""

from __future__ import annotations

from typing import Any

import pytest
from zoo.schemas import read_schema

from zoo.architecture.schema import validate
from zoo.errors import ArgumentError
from zoo.registry import load_registry

REGISTRY = load_registry()
every_entry = pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in ("noise", "source") for name in REGISTRY.names(kind)],
)


def read(path: str) -> Any:
    return read_schema(f"{path}.json")


def is_valid(kind: str, name: str, value: object) -> bool:
    return not list(validate(value, read(f"{kind}/{name}")))


@every_entry
def test_the_defaults_are_valid(kind: str, name: str) -> None:
    properties = read(f"{kind}/{name}")["properties"]
    written = {key: value["default"] for key, value in properties.items() if "default" in value}
    required = dict.fromkeys(read(f"{kind}/{name}")["required"], "folder")
    assert is_valid(kind, name, written | required)


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
    factory = REGISTRY.get("noise", name).entry.load()
    for value in good:
        assert is_valid("noise", name, {parameter: value})
        factory(**{parameter: value})
    for value in bad:
        assert not is_valid("noise", name, {parameter: value})
        with pytest.raises(ArgumentError):
            factory(**{parameter: value})
