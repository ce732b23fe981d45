"""The JSON Schemas: following references, validating, and describing them in words."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend

from zoo.errors import format_value
from zoo.spec.schemas import follow

Schema = Mapping[str, Any]


def validate(value: Any, schema: Schema) -> Iterator[ValidationError]:
    """All violations, outermost first. Values chosen by ``x-zoo-kind`` are not looked into."""
    return iter(_validator()(schema).iter_errors(value))


def describe(schema: Schema) -> str:
    """What a schema allows, in a user's words: ``an integer >= 1 or a list of 2 integers >= 1``."""
    schema = follow(schema)
    if "x-zoo-words" in schema:
        return str(schema["x-zoo-words"])
    if "const" in schema:
        return format_value(schema["const"])
    if "enum" in schema:
        return _either([format_value(value) for value in schema["enum"]])
    if "anyOf" in schema:
        return _either([describe(option) for option in schema["anyOf"]])
    if "x-zoo-kind" in schema:
        return f"the name of a known {schema['x-zoo-kind']} or a table with a 'type'"
    bounds = _bounds(schema)
    kind = schema.get("type")
    if kind == "array":
        return f"a list{_items(schema)}"
    limited = "maximum" in schema or "exclusiveMaximum" in schema
    words = {
        "integer": "an integer",
        "number": "a number" if limited else "a finite number",
        "string": "a non-empty string" if schema.get("minLength") else "a string",
        "boolean": "true or false",
        "object": "a table",
    }
    return words.get(str(kind), "another value") + bounds


def _items(schema: Schema) -> str:
    low, high = schema.get("minItems"), schema.get("maxItems")
    number = f" of {low}" if low == high and low else f" of at least {low}" if low else ""
    if "items" not in schema:
        return f"{number} values" if number else ""
    each = describe(schema["items"])
    plural, nouns = re.subn(r"^an? (integer|(?:finite )?number|string|list|table)\b", r"\1s", each)
    return f"{number or ' of'} {plural if nouns else f'values, each {each}'}"


def _bounds(schema: Schema) -> str:
    signs = {
        "minimum": ">=",
        "exclusiveMinimum": ">",
        "maximum": "<=",
        "exclusiveMaximum": "<",
    }
    parts = [f"{sign} {schema[key]}" for key, sign in signs.items() if key in schema]
    return f" {' and '.join(parts)}" if parts else ""


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


@cache
def _validator() -> Any:
    """Draft 2020-12, except that 3.0 is no integer, and nan, inf and 2**63 are no numbers."""
    checker = Draft202012Validator.TYPE_CHECKER.redefine("integer", _is_integer).redefine(
        "number",
        lambda _, value: (
            _is_integer(_, value) or (isinstance(value, float) and math.isfinite(value))
        ),
    )
    return extend(Draft202012Validator, {"$ref": _referred}, type_checker=checker)  # type: ignore[no-untyped-call]  # jsonschema's own


def _referred(validator: Any, _: str, value: Any, schema: Schema) -> Iterator[ValidationError]:
    """The errors of a reference, of which it is known what the schema around it adds."""
    yield from validator.descend(value, follow(schema), schema_path="$ref")


def _is_integer(_: object, value: Any) -> bool:
    """Whether a value is an integer of TOML, which has 64 bits; a bool is none."""
    return isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
