"""The schemas of optimizers and schedules say what the constructors' signatures say."""

from __future__ import annotations

import json
from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from zoo.optim import SGD, Adam
from zoo.optim.schedules import Constant, Cosine, OneCycle, Step

SCHEMAS = Path(__file__).parents[2] / "schemas"
FACTORIES: dict[str, dict[str, Callable[..., Any]]] = {
    "optimizer": {"sgd": SGD, "adam": Adam},
    "schedule": {"constant": Constant, "cosine": Cosine, "one_cycle": OneCycle, "step": Step},
}
EVERY_NAME = [(kind, name) for kind, factories in FACTORIES.items() for name in factories]


def read_schema(kind: str, name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / kind / f"{name}.json").read_text("utf-8"))
    return schema


@pytest.mark.parametrize("kind", FACTORIES)
def test_every_schema_has_a_factory_here(kind: str) -> None:
    assert {path.stem for path in (SCHEMAS / kind).glob("*.json")} == set(FACTORIES[kind])


@pytest.mark.parametrize(("kind", "name"), EVERY_NAME)
def test_properties_defaults_and_required_keys_are_those_of_the_signature(
    kind: str, name: str
) -> None:
    schema = read_schema(kind, name)
    Draft202012Validator.check_schema(schema)
    arguments = [
        argument
        for argument in signature(FACTORIES[kind][name]).parameters.values()
        if argument.name != "params"
    ]
    properties = schema["properties"]
    assert schema["$id"] == f"urn:zoo:{kind}:{name}"
    assert schema["additionalProperties"] is False
    assert list(properties) == [argument.name for argument in arguments]
    assert all(item["description"].endswith(".") for item in properties.values())
    assert schema["required"] == [
        argument.name for argument in arguments if argument.default is Parameter.empty
    ]
    assert {key: item["default"] for key, item in properties.items() if "default" in item} == {
        argument.name: list(argument.default)
        if isinstance(argument.default, tuple)
        else argument.default
        for argument in arguments
        if argument.default is not Parameter.empty
    }


@pytest.mark.parametrize(
    ("kind", "name", "parameters", "valid"),
    [
        ("optimizer", "sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True}, True),
        ("optimizer", "sgd", {"lr": -0.1}, False),
        ("optimizer", "adam", {"betas": [0.0, 0.999]}, True),
        ("optimizer", "adam", {"betas": [0.9, 1.0]}, False),
        ("optimizer", "adam", {"betas": [0.9]}, False),
        ("optimizer", "adam", {"beta1": 0.9}, False),
        ("schedule", "cosine", {"warmup": 1.1}, False),
        ("schedule", "one_cycle", {"final": 0}, True),
        ("schedule", "step", {"factor": 0.5}, False),
    ],
)
def test_schemas_accept_what_the_constructors_accept(
    kind: str, name: str, parameters: dict[str, Any], valid: bool
) -> None:
    assert Draft202012Validator(read_schema(kind, name)).is_valid(parameters) is valid
