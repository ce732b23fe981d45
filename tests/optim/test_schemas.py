"""The schemas of optimizers and schedules accept what the constructors accept."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator
from zoo.schemas import read_schema


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
    assert Draft202012Validator(read_schema(f"{kind}/{name}.json")).is_valid(parameters) is valid
