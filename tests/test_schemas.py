"""The schema of every built-in says what its constructor says, and has a file of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from jsonschema import Draft202012Validator

from zoo.architecture.schema import validate
from zoo.errors import ArgumentError
from zoo.plugins.discovery import discover
from zoo.plugins.records import Entry
from zoo.plugins.registry import load_registry
from zoo.testing import schema_differences
from zoo.testing.schemas import wrong_defaults

SCHEMAS = Path(__file__).parents[1] / "schemas"
REGISTRY = load_registry(discover({"ZOO_PLUGINS": ""}))
ENTRIES = {f"{item.entry.kind}-{item.entry.name}": item.entry for item in REGISTRY}
EACH = pytest.mark.parametrize("entry", ENTRIES.values(), ids=ENTRIES)


@EACH
def test_the_schema_says_what_the_constructor_says(entry: Entry) -> None:
    assert schema_differences(entry, entry.schema, REGISTRY) == []


@EACH
def test_the_schema_accepts_its_own_defaults(entry: Entry) -> None:
    assert list(wrong_defaults(entry.schema)) == []


def another(default: Any) -> Any:
    if isinstance(default, bool):
        return not default
    if isinstance(default, list):
        return [*default[:-1], another(default[-1])]
    return default + ("x" if isinstance(default, str) else 1)


def with_mistakes(entry: Entry, name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Copies of a schema that differ in what they say of one parameter."""
    properties, required = entry.schema["properties"], entry.schema["required"]
    bare = {key: value for key, value in properties[name].items() if key != "default"}
    if "default" in properties[name]:
        default = properties[name]["default"]
        items = {"no-default": bare, "other-default": {**bare, "default": another(default)}}
        if isinstance(default, (int, float)) and default in (0, 1):
            equal = float(default) if isinstance(default, int) else int(default)
            items["equal-default"] = {**bare, "default": equal}
    else:
        items = {"default": {**bare, "default": 1}}
    renamed = {f"{key}_" if key == name else key: item for key, item in properties.items()}
    changed = {
        **{what: {**properties, name: item} for what, item in items.items()},
        "renamed": renamed,
        "dropped": {key: item for key, item in properties.items() if key != name},
    }
    for what, table in changed.items():
        yield what, {**entry.schema, "properties": table}
    others = [key for key in required if key != name]
    yield (
        ("optional", {**entry.schema, "required": others})
        if name in required
        else ("required", {**entry.schema, "required": [*required, name]})
    )


MISTAKES = [
    pytest.param(entry, schema, id=f"{entry_id}-{name}-{what}")
    for entry_id, entry in ENTRIES.items()
    for name in entry.schema["properties"]
    for what, schema in with_mistakes(entry, name)
]


@pytest.mark.parametrize(("entry", "schema"), MISTAKES)
def test_a_schema_that_says_something_else_is_found(entry: Entry, schema: dict[str, Any]) -> None:
    assert len(schema_differences(entry, schema, REGISTRY)) >= 1


def test_every_kind_has_mistakes() -> None:
    tried = {entry.kind for entry in ENTRIES.values() if entry.schema["properties"]}
    assert tried == {"layer", "optimizer", "initializer", "schedule", "noise", "pairing", "source"}
    assert len(MISTAKES) > 300


# The files.


def test_every_schema_file_is_a_built_ins() -> None:
    files = {f"{path.parent.name}-{path.stem}" for path in SCHEMAS.glob("*/*.json")}
    assert files == set(ENTRIES)


@EACH
def test_the_file_has_its_head_and_full_sentences(entry: Entry) -> None:
    Draft202012Validator.check_schema(entry.schema)
    assert entry.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert entry.schema["$id"] == f"urn:zoo:{entry.kind}:{entry.name}"
    assert entry.schema["title"] == entry.summary
    for name, item in entry.schema["properties"].items():
        assert item.get("description", "").endswith("."), f"{name} is not described"


@EACH
def test_paths_are_marked(entry: Entry) -> None:
    properties = entry.schema["properties"]
    marked = {key for key, value in properties.items() if value.get("x-zoo-path") is True}
    assert marked == {"path", "first", "second", "folder"}.intersection(properties)


# The values.


def is_valid(entry: Entry, parameters: dict[str, Any]) -> bool:
    return not list(validate(parameters, entry.schema))


def build(entry: Entry, parameters: dict[str, Any]) -> None:
    pairs = [[(torch.zeros(1), torch.zeros(1))]] if entry.kind == "optimizer" else []
    entry.load()(*pairs, **parameters)


@pytest.mark.parametrize(
    ("name", "parameter", "good", "bad"),
    [
        ("noise-gaussian", "sigma", [0, 25.5, [0, 50]], [-1, [0], [1, 2, 3], "25", True]),
        ("noise-poisson", "lam", [0.001, 30, [1, 2]], [0, [0, 1], [1, -2], "30"]),
        ("noise-bernoulli", "keep", [0.5, 1, [0.1, 1]], [0, 1.5, [0, 1], [0.5]]),
        ("noise-impulse", "probability", [0, 1, [0, 1]], [-0.1, 1.1, [0, 2]]),
        ("noise-pixel_sampling", "block", [1, 8, [6, 8]], [0, 2.5, [0, 3], [1, 2, 3], "6"]),
        ("noise-text", "coverage", [0, 0.9, [0, 0.5]], [-0.1, 0.95, [0, 1], [0.5]]),
        ("noise-text", "size", [6, 128, [8, 24]], [5, 129, 8.5, [8, 200], True]),
        ("optimizer-sgd", "lr", [0, 0.1], [-0.1, "0.1", True]),
        ("optimizer-sgd", "momentum", [0, 0.9, 1.5], [-0.9]),
        ("optimizer-adam", "betas", [[0, 0.999]], [[0.9, 1.0], [0.9], [-0.1, 0], 0.9]),
        ("schedule-cosine", "warmup", [0, 1], [1.1, -0.1]),
        ("schedule-one_cycle", "final", [0, 2.0], [-1]),
        ("schedule-step", "every", [1, 7], [0, 2.5, True]),
        ("initializer-constant", "value", [-1, 0.5], ["0", True]),
        ("initializer-he_normal", "mode", ["fan_in", "fan_out"], ["fan"]),
    ],
)
def test_schema_and_constructor_accept_the_same(
    name: str, parameter: str, good: list[object], bad: list[object]
) -> None:
    entry = ENTRIES[name]
    for value in good:
        assert is_valid(entry, {parameter: value})
        build(entry, {parameter: value})
    for value in bad:
        assert not is_valid(entry, {parameter: value})
        with pytest.raises(ArgumentError):
            build(entry, {parameter: value})


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("optimizer-adam", {"beta1": 0.9}),
        ("schedule-step", {"factor": 0.5}),
        ("source-folder", {}),
        ("loss-mse", {"reduction": "mean"}),
    ],
)
def test_unknown_and_missing_keys_are_refused(name: str, parameters: dict[str, Any]) -> None:
    assert not is_valid(ENTRIES[name], parameters)
    with pytest.raises(TypeError):
        build(ENTRIES[name], parameters)
