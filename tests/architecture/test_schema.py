"""Schemas in words, values as TOML writes them, and what counts as a number."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from zoo.architecture.schema import describe, validate
from zoo.spec.schemas import follow

COMMON = "urn:zoo:common#/$defs/"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer"}, "an integer"),
        ({"type": "integer", "minimum": 1}, "an integer >= 1"),
        ({"type": "integer", "minimum": 1, "maximum": 8}, "an integer >= 1 and <= 8"),
        ({"type": "number"}, "a finite number"),
        ({"type": "number", "exclusiveMinimum": 0}, "a finite number > 0"),
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, "a number >= 0 and < 1"),
        ({"type": "string"}, "a string"),
        ({"type": "string", "minLength": 1}, "a non-empty string"),
        ({"type": "boolean"}, "true or false"),
        ({"type": "object"}, "a table"),
        ({"const": 1}, "1"),
        ({"type": "integer", "const": 1}, "1"),
        ({"enum": ["a"]}, '"a"'),
        ({"enum": ["a", "b", 3]}, '"a", "b" or 3'),
        ({"anyOf": [{"enum": ["same"]}, {"type": "integer"}]}, '"same" or an integer'),
        ({"type": "array"}, "a list"),
        ({"type": "array", "minItems": 2}, "a list of at least 2 values"),
        ({"type": "array", "items": {"type": "integer"}}, "a list of integers"),
        (
            {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 3},
            "a list of at least 3 finite numbers >= 0",
        ),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2},
            "a list of 2 strings",
        ),
        (
            {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
            "a list of lists of integers",
        ),
        (
            {"type": "array", "items": {"type": "boolean"}, "minItems": 2, "maxItems": 2},
            "a list of 2 values, each true or false",
        ),
        (
            {"type": "array", "items": {"x-zoo-kind": "layer"}},
            "a list of values, each the name of a known layer or a table with a 'type'",
        ),
        ({"x-zoo-kind": "loss"}, "the name of a known loss or a table with a 'type'"),
        ({"type": "string", "x-zoo-words": "a word"}, "a word"),
        ({"$ref": COMMON + "positive_pair"}, "an integer >= 1 or a list of 2 integers >= 1"),
        ({"$ref": COMMON + "probability"}, "a number >= 0 and <= 1"),
        (
            {"$ref": COMMON + "initializer"},
            "the name of a known initializer or a table with a 'type'",
        ),
        ({}, "another value"),
    ],
)
def test_a_schema_in_words(schema: dict[str, Any], words: str) -> None:
    assert describe(schema) == words


@pytest.mark.parametrize(
    ("value", "types"),
    [
        (3, {"integer", "number"}),
        (-(2**63), {"integer", "number"}),
        (2**63, set()),
        (10**400, set()),
        (3.0, {"number"}),
        (2.5, {"number"}),
        (float("nan"), set()),
        (float("inf"), set()),
        (True, {"boolean"}),
        ("3", {"string"}),
        ([3], {"array"}),
        ({"a": 3}, {"object"}),
        (datetime.time(12, 30), set()),
    ],
)
def test_types(value: Any, types: set[str]) -> None:
    names = ("integer", "number", "boolean", "string", "array", "object")
    assert {name for name in names if not list(validate(value, {"type": name}))} == types


def test_validation_gives_every_violation_with_its_path() -> None:
    schema = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"size": {"$ref": COMMON + "positive_pair"}, "rate": {"type": "number"}},
    }
    errors = list(validate({"size": 0, "rate": "a", "other": 1}, schema))
    found = sorted((list(error.absolute_path), str(error.validator)) for error in errors)
    assert found == [([], "additionalProperties"), (["rate"], "type"), (["size"], "anyOf")]


def test_what_a_name_selects_is_not_looked_into() -> None:
    assert list(validate({"type": 3}, {"x-zoo-kind": "layer"})) == []


def test_a_reference_is_followed_and_its_own_keywords_are_kept() -> None:
    own = {"description": "How many.", "default": 3}
    followed = follow({"$ref": COMMON + "positive_int", **own})
    assert followed == {"type": "integer", "minimum": 1, **own}
    assert follow(own) is own
