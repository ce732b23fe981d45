"""The declarations of parameters: the JSON Schema that each is."""

from __future__ import annotations

from typing import Any

import pytest

from zoo.errors import PluginError
from zoo.spec.parameters import Parameter, body, boolean, choice, integer, number, parameter

WHAT = "What it is."
INTEGER = {"type": "integer"}


@pytest.mark.parametrize(
    ("declared", "schema", "required"),
    [
        (integer(description=WHAT), {"type": "integer"}, True),
        (
            integer(2, minimum=1, maximum=9, description=WHAT),
            {"type": "integer", "minimum": 1, "maximum": 9, "default": 2},
            False,
        ),
        (integer(0, maximum=0, description=WHAT), INTEGER | {"maximum": 0, "default": 0}, False),
        (integer(None, description=WHAT), {"type": "integer"}, False),
        (integer(minimum=1, inferred=0, description=WHAT), INTEGER | {"minimum": 1}, False),
        (
            number(0.5, minimum=-1, maximum=1.5, description=WHAT),
            {"type": "number", "minimum": -1, "maximum": 1.5, "default": 0.5},
            False,
        ),
        (
            number(above=0, below=1, description=WHAT),
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            True,
        ),
        (boolean(False, description=WHAT), {"type": "boolean", "default": False}, False),
        (choice("a", "b", description=WHAT), {"enum": ["a", "b"]}, True),
        (choice("a", default="a", description=WHAT), {"enum": ["a"], "default": "a"}, False),
        (body(description=WHAT), {"$ref": "urn:zoo:common#/$defs/body"}, True),
        (
            parameter([1, 2], {"type": "array"}, WHAT),
            {"type": "array", "default": [1, 2]},
            False,
        ),
    ],
)
def test_a_declaration_is_a_schema(declared: Any, schema: dict[str, Any], required: bool) -> None:
    assert isinstance(declared, Parameter)
    assert declared.schema == {**schema, "description": WHAT}
    assert declared.required == required


def test_the_axis_that_gives_it() -> None:
    assert integer(inferred=0, description=WHAT).inferred == 0
    assert integer(description=WHAT).inferred is None


def test_another_keyword_is_refused_with_those_there_are() -> None:
    with pytest.raises(PluginError) as caught:
        number(0.5, exclusive_minimum=0, description=WHAT)  # type: ignore[call-arg]  # no such one
    assert str(caught.value) == (
        "zoo.number: there is no argument 'exclusive_minimum'. "
        "Use default, description, minimum, maximum, above, below."
    )
