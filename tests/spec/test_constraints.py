"""A check of parameters refuses what the constructor refuses, in its words, without torch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.draws import draws
from zoo.architecture.schema import Schema, validate
from zoo.errors import ArgumentError, DataError
from zoo.plugins.discovery import discover
from zoo.plugins.records import Entry
from zoo.plugins.registry import load_registry
from zoo.spec.constraints import (
    ascending_ranges,
    folders_of_pairs,
    low_and_high,
    nesterov_momentum,
    odd_size,
)
from zoo.spec.schemas import follow

ENTRIES = [item.entry for item in load_registry(discover({"ZOO_PLUGINS": ""}))]
NOT_LAYERS = [entry for entry in ENTRIES if entry.kind != "layer"]
EACH = pytest.mark.parametrize("entry", NOT_LAYERS, ids=lambda entry: f"{entry.kind}-{entry.name}")
NESTEROV = {"momentum": 0.9, "dampening": 0.0, "nesterov": True}
SUFFIXES = {"suffixes": ["_a", "_b"]}
Check = Callable[[str, Mapping[str, Any]], None]


@pytest.mark.parametrize(
    ("check", "parameters"),
    [
        (low_and_high, {"low": -1, "high": 1.5}),
        (low_and_high, {"low": 2, "high": 2.0}),
        (ascending_ranges, {"sigma": 25}),
        (ascending_ranges, {"sigma": [0, 50.5]}),
        (ascending_ranges, {"sigma": [3, 3]}),
        (ascending_ranges, {"sigma": (1, 2)}),
        (odd_size, {"size": 5}),
        (nesterov_momentum, NESTEROV),
        (nesterov_momentum, {"momentum": 0.0, "dampening": 0.5, "nesterov": False}),
        (folders_of_pairs, {"first": "a", "second": "b", **SUFFIXES}),
        (folders_of_pairs, {"folder": "c", **SUFFIXES}),
        (folders_of_pairs, {"folder": "c", "first": None, "second": None, **SUFFIXES}),
    ],
)
def test_parameters_that_go_together(check: Check, parameters: dict[str, Any]) -> None:
    before = str(parameters)
    check("it", parameters)
    assert str(parameters) == before


@pytest.mark.parametrize(
    ("check", "parameters", "message", "parameter"),
    [
        (
            low_and_high,
            {"low": 1, "high": 0.5},
            "it: low is 1 and high is 0.5. Use low <= high.",
            "low",
        ),
        (
            ascending_ranges,
            {"a": [0, 1], "sigma": [5, 1]},
            "it: sigma is [5, 1]. Write the smaller number first.",
            "sigma",
        ),
        (
            nesterov_momentum,
            {**NESTEROV, "momentum": 0},
            "it: nesterov is on with momentum 0 and dampening 0.0. "
            "Use a momentum > 0 and no dampening with it.",
            "nesterov",
        ),
        (
            nesterov_momentum,
            {**NESTEROV, "dampening": -0.5},
            "it: nesterov is on with momentum 0.9 and dampening -0.5. "
            "Use a momentum > 0 and no dampening with it.",
            "nesterov",
        ),
        (odd_size, {"size": 4}, "it: size is 4. Use an odd number.", "size"),
        (
            folders_of_pairs,
            SUFFIXES,
            "it: no folder given. Give first and second, or folder alone.",
            "",
        ),
        (
            folders_of_pairs,
            {"second": "b", **SUFFIXES},
            "it: second given. Give first and second, or folder alone.",
            "second",
        ),
        (
            folders_of_pairs,
            {"first": "a", "folder": "c", **SUFFIXES},
            "it: first and folder given. Give first and second, or folder alone.",
            "",
        ),
        (
            folders_of_pairs,
            {"folder": "c", "suffixes": ["a", "_a"]},
            "it: suffixes are ['a', '_a']. "
            "Give two texts, neither of which ends in the other, such as _a and _b.",
            "suffixes",
        ),
        (
            folders_of_pairs,
            {"folder": "c", "suffixes": ["_a", "a"]},
            "it: suffixes are ['_a', 'a']. "
            "Give two texts, neither of which ends in the other, such as _a and _b.",
            "suffixes",
        ),
    ],
)
def test_parameters_that_do_not(
    check: Check, parameters: dict[str, Any], message: str, parameter: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        check("it", parameters)
    assert str(caught.value) == message
    assert caught.value.parameter == parameter


# The entries' checks against their constructors.


def accepted(schema: Schema) -> st.SearchStrategy[Any]:
    """Values that a schema accepts, extreme ones and ones that equal each other often."""
    schema = follow(schema)
    if "anyOf" in schema:
        return st.one_of([accepted(option) for option in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    few: list[Any] = [0, 0.0, -1, 1, 1.0, 0.5, 3, 2**63 - 1, 1e-300, 1e308, -1e308]
    texts = st.sampled_from(["a", "_a", "b", "_b", "a_b"])
    drawn = {
        "boolean": st.booleans(),
        "integer": st.sampled_from(few) | st.integers(1, 9),
        "number": st.sampled_from(few) | st.floats(0, 1) | st.floats() | st.integers(-3, 3),
        "string": texts,
        "array": st.lists(accepted(schema["items"]), min_size=2, max_size=2)
        if "items" in schema
        else st.nothing(),
    }[schema["type"]]
    return drawn.filter(lambda value: not list(validate(value, schema)))


def tables(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """Parameters that a schema accepts, with defaults filled in."""
    properties: Mapping[str, Any] = schema["properties"]
    defaults = {key: item["default"] for key, item in properties.items() if "default" in item}
    required = {key: accepted(properties[key]) for key in schema["required"]}
    optional = {key: accepted(properties[key]) for key in set(properties) - set(required)}
    drawn = st.fixed_dictionaries(required, optional=optional)
    return drawn.map(lambda given: {**defaults, **given})


def refusal_of_check(entry: Entry, parameters: dict[str, Any]) -> ArgumentError | None:
    check = entry.load_check()
    try:
        if check is not None:
            check(entry.name, parameters)
    except ArgumentError as error:
        return error
    return None


def refusal_of_constructor(
    entry: Entry, parameters: dict[str, Any], folder: Path
) -> ArgumentError | None:
    """What the constructor raises; missing files are no refusal."""
    paths = {"first", "second", "folder", "path"}
    given = {key: str(folder / item) if key in paths else item for key, item in parameters.items()}
    if entry.kind == "optimizer":
        given["params"] = [(torch.zeros(1), torch.zeros(1))]
    elif entry.kind == "source":
        given["channels"] = 1
    try:
        entry.load()(**given)
    except ArgumentError as error:
        return error
    except DataError:
        pass
    return None


def words(error: ArgumentError | None) -> str:
    """The message after the name of who raises it, which check and constructor call differently."""
    return str(error or "").partition(": ")[2]


@EACH
def test_the_check_refuses_what_the_constructor_refuses(entry: Entry, tmp_path: Path) -> None:
    outcomes: list[bool] = []

    @draws(200)
    @given(parameters=tables(entry.schema))
    def agree(parameters: dict[str, Any]) -> None:
        assert not list(validate(parameters, entry.schema))
        refused = refusal_of_check(entry, parameters)
        assert words(refused) == words(refusal_of_constructor(entry, parameters, tmp_path))
        assert refused is None or str(refused).startswith(f"{entry.name}: ")
        assert refused is None or refused.parameter in {"", *parameters}
        outcomes.append(refused is not None)

    agree()
    assert set(outcomes) == ({False, True} if entry.check else {False})


def test_the_checks_are_loaded_and_called_without_torch() -> None:
    checks = {entry.check for entry in ENTRIES if entry.check}
    assert {check.partition(":")[2] for check in checks if "constraints" in check} == {
        function.__name__
        for function in (
            *(low_and_high, ascending_ranges, odd_size, nesterov_momentum),
            folders_of_pairs,
        )
    }
    code = (
        "import sys\n"
        "from zoo.plugins.discovery import discover\n"
        "from zoo.plugins.registry import load_registry\n"
        "registry = load_registry(discover({'ZOO_PLUGINS': ''}))\n"
        "print(sum(item.entry.load_check() is not None for item in registry))\n"
        "print({'torch', 'jsonschema'} & set(sys.modules))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    loaded, slow = result.stdout.splitlines()
    assert int(loaded) == sum(bool(entry.check) for entry in ENTRIES) >= 8
    assert slow == "set()"
