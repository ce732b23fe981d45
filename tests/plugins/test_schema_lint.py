"""What is wrong with a schema is said in one line for each mistake; zoo's own have none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.draws import draws
from zoo.plugins.records import KINDS as RECORDS
from zoo.plugins.schema_lint import FORMS, KINDS, lint
from zoo.spec.schemas import SHARED

SCHEMAS = Path(__file__).parents[2] / "schemas"
FILES = sorted(  # that of checkpoints is no schema of TOML, and no plan of a sweep has an entry
    path.relative_to(SCHEMAS).as_posix()
    for path in SCHEMAS.glob("**/*.json")
    if path.name not in ("checkpoint.json", "sweep.json")
)
KNOWN = ", ".join(sorted(FORMS))
NAMES = "array, boolean, integer, number, object, string"
DESCRIBED = {"description": "It."}
PLENTY = draws(200)


def of(**keywords: Any) -> dict[str, Any]:
    """The schema of a table with one property ``a``, which has these keywords."""
    return table(a={**DESCRIBED, **keywords})


def table(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def found(schema: object) -> list[str]:
    problems = list(lint(schema, "it"))
    assert all("\n" not in problem for problem in problems)
    return problems


@pytest.mark.parametrize("name", FILES)
def test_the_schemas_of_zoo_have_no_mistake(name: str) -> None:
    schema = json.loads((SCHEMAS / name).read_text("utf-8"))
    assert found(schema) == []
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    "schema",
    [
        table(),
        {"type": "object", "additionalProperties": False},
        of(type="integer", minimum=0, maximum=9, default=3),
        of(type="number", exclusiveMinimum=-0.5, exclusiveMaximum=1.5, default=1),
        of(type="string", minLength=1, maxLength=3, pattern="^a+$", default="aa"),
        of(type="string", minLength=1, maxLength=1, default="a"),
        of(type="array", items={"type": "number"}, minItems=0, maxItems=2, default=[]),
        of(enum=["a", 1], default="a"),
        of(const=1, title="One", **{"$id": "urn:it"}),
        of(anyOf=[{"type": "string"}, {"$ref": SHARED + "positive_int"}], default=3),
        of(**{"$ref": SHARED + "positive_pair"}, default=[1, 2]),
        table(a={"$ref": SHARED + "initializer", "default": {"type": "normal", "std": 0.1}}),
        of(**{"x-zoo-kind": "loss"}, default="mse"),
        of(**{"x-zoo-body": True}, default=["relu"]),
        of(type="string", **{"x-zoo-path": True, "x-zoo-words": "a folder"}),
        of(**table(b={"type": "boolean", **DESCRIBED}), default={"b": True}),
        of(type="object", additionalProperties={"type": "integer"}, default={"any": 1}),
        {
            **table(a=DESCRIBED),
            "required": ["a"],
            "$schema": "https://json-schema.org/",
            "$defs": {},
        },
    ],
)
def test_nothing_is_wrong(schema: dict[str, Any]) -> None:
    assert found(schema) == []


class TwoLines:
    def __repr__(self) -> str:
        return "two\nlines"


MISTAKES: list[tuple[object, str]] = [
    (None, "it is None. Give a table of keywords."),
    (TwoLines(), "it is two lines. Give a table of keywords."),
    # keywords that are unknown
    (of(minimun=0), "it: properties.a.minimun is not a known keyword. Did you mean minimum?"),
    (of(Type="string"), "it: properties.a.Type is not a known keyword. Did you mean type?"),
    (of(x_zoo_kind="loss"), "it: properties.a.x_zoo_kind is not a known keyword. "
     "Did you mean x-zoo-kind?"),
    (of(oneOf=[]), f"it: properties.a.oneOf is not a known keyword. Use one of: {KNOWN}."),
    (of(multipleOf=2), f"it: properties.a.multipleOf is not a known keyword. Use one of: {KNOWN}."),
    ({3: 4}, f"it: 3 is not a known keyword. Use one of: {KNOWN}."),
    (of(items={"minimun": 0}), "it: properties.a.items.minimun is not a known keyword. "
     "Did you mean minimum?"),
    (of(anyOf=[{}, {"minimun": 0}]), "it: properties.a.anyOf[1].minimun is not a known keyword. "
     "Did you mean minimum?"),
    ({**table(), "$defs": {"b": {"typ": "string"}}}, 'it: "$defs".b.typ is not a known keyword. '
     "Did you mean type?"),
    (of(type="object", additionalProperties={"minimun": 0}),
     "it: properties.a.additionalProperties.minimun is not a known keyword. "
     "Did you mean minimum?"),
    # values of the wrong form
    (of(type="int"), f"it: properties.a.type is 'int'. Use one of: {NAMES}."),
    (of(type="str"), "it: properties.a.type is 'str'. Did you mean string?"),
    (of(type="Integer"), "it: properties.a.type is 'Integer'. Did you mean integer?"),
    (of(type="null"), f"it: properties.a.type is 'null'. Use one of: {NAMES}."),
    (of(type=["integer", "string"]), "it: properties.a.type is ['integer', 'string']. "
     f"Use one of: {NAMES}."),
    ({**table(), "properties": ["a"]}, "it: properties is ['a']. Give a table of schemas."),
    ({**table(), "properties": {3: {}}}, "it: properties is {3: {}}. Give a table of schemas."),
    (table(a=True), "it: properties.a is True. Give a table of keywords."),
    ({**table(), "$defs": 3}, 'it: "$defs" is 3. Give a table of schemas.'),
    ({**table(), "required": "a"}, "it: required is 'a'. Give a list of names of properties."),
    ({**table(), "required": [3]}, "it: required is [3]. Give a list of names of properties."),
    ({**table(), "additionalProperties": "no"}, "it: additionalProperties is 'no'. "
     "Use false, or a schema of their values."),
    (of(items={"minimum": "0"}, default=[1]), "it: properties.a.items.minimum is '0'. "
     "Use a finite number."),
    (of(items=[{}]), "it: properties.a.items is [{}]. Give the schema of each item."),
    *(
        (of(**{keyword: value}), f"it: properties.a.{keyword} is {value!r}. Use an integer >= 0.")
        for keyword in ("minItems", "maxItems", "minLength", "maxLength")
        for value in (-1, 1.0, "1", True)
    ),
    *(
        (of(**{keyword: value}), f"it: properties.a.{keyword} is {value!r}. Use a finite number.")
        for keyword in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
        for value in ("0", True, float("inf"))
    ),
    (of(pattern="("), "it: properties.a.pattern is '('. Use a regular expression."),
    (of(pattern=3), "it: properties.a.pattern is 3. Use a regular expression."),
    (of(enum=[]), "it: properties.a.enum is []. Give a list of one or more values that TOML has."),
    (of(enum="ab"), "it: properties.a.enum is 'ab'. "
     "Give a list of one or more values that TOML has."),
    (of(enum=["a", None]), "it: properties.a.enum is ['a', None]. "
     "Give a list of one or more values that TOML has."),
    (of(const=None), "it: properties.a.const is None. Use a value that TOML has."),
    (of(default=None), "it: properties.a.default is None. Use a value that TOML has."),
    (of(default=(1, 2)), "it: properties.a.default is (1, 2). Use a value that TOML has."),
    (of(default={3: 4}), "it: properties.a.default is {3: 4}. Use a value that TOML has."),
    (of(anyOf=[]), "it: properties.a.anyOf is []. Give a list of one or more schemas."),
    (of(anyOf={}), "it: properties.a.anyOf is {}. Give a list of one or more schemas."),
    (of(anyOf=[3]), "it: properties.a.anyOf[0] is 3. Give a table of keywords."),
    *(
        (of(**{keyword: value}), f"it: properties.a.{keyword} is {value!r}. Write some text.")
        for keyword in ("description", "title", "x-zoo-words")
        for value in ("", 3)
    ),
    ({**table(), "$schema": 3}, 'it: "$schema" is 3. Write some text.'),
    ({**table(), "$id": ""}, "it: \"$id\" is ''. Write some text."),
    *(
        (of(**{keyword: False}), f"it: properties.a.{keyword} is False. Use true, or leave it out.")
        for keyword in ("x-zoo-path", "x-zoo-body")
    ),
    (of(**{"x-zoo-kind": "layers"}), "it: properties.a.x-zoo-kind is 'layers'. "
     "Did you mean layer?"),
    (of(**{"x-zoo-kind": "colour"}), "it: properties.a.x-zoo-kind is 'colour'. "
     f"Use one of: {', '.join(KINDS)}."),
    (of(**{"$ref": SHARED + "positive_in"}), 'it: properties.a."$ref" is '
     f"'{SHARED}positive_in'. Did you mean {SHARED}positive_int?"),
    (of(**{"$ref": "#/$defs/positive_pair"}), 'it: properties.a."$ref" is '
     f"'#/$defs/positive_pair'. Did you mean {SHARED}positive_pair?"),
    (of(**{"$ref": 3}), f'it: properties.a."$ref" is 3. Use {SHARED} and one of: layers, body, '
     "positive_int, positive_pair, non_negative_pair, probability, probability_range, "
     "non_negative_range, initializer."),
    (of(pattern="(" * 59), f"it: properties.a.pattern is '{'(' * 56}.... "
     "Use a regular expression."),
    # what contradicts the rest
    ({**of(), "required": ["b"]}, "it: required has 'b', which is not a property. Use one of: a."),
    ({**table(size=DESCRIBED), "required": ["sise"]}, "it: required has 'sise', which is not a "
     "property. Did you mean size?"),
    ({**table(), "required": ["a"]}, "it: required has 'a', which is not a property. "
     "There is none."),
    ({**of(default=3), "required": ["a"]}, "it: properties.a.default is never used: "
     "the property is required. Leave out one of the two."),
    (table(a={}), "it: properties.a has no description. Describe it in one sentence."),
    (table(a={"$ref": SHARED + "positive_int"}), "it: properties.a has no description. "
     "Describe it in one sentence."),
    ({"type": "object"}, "it accepts unknown keys. Set 'additionalProperties' to false."),
    ({**table(), "additionalProperties": True}, "it accepts unknown keys. "
     "Set 'additionalProperties' to false."),
    (of(properties={}), "it: properties.a accepts unknown keys. "
     "Set 'additionalProperties' to false."),
    (of(anyOf=[{"$ref": SHARED + "initializer"}, {"type": "number"}]),
     "it: properties.a.anyOf[0] has x-zoo-kind, which is not looked at there. Use it by itself."),
    (of(type="array", items={"type": "object"}), "it: properties.a.items accepts unknown keys. "
     "Set 'additionalProperties' to false."),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "message"), MISTAKES, ids=[text for _, text in MISTAKES])
def test_a_mistake(schema: object, message: str) -> None:
    assert found(schema) == [message]


def test_every_keyword_is_misused() -> None:
    messages = [message.replace('"', "") for _, message in MISTAKES]
    assert [
        keyword for keyword in FORMS if not any(f"{keyword} is " in message for message in messages)
    ] == []


def test_all_mistakes_are_found() -> None:
    schema = {
        **table(a={"typ": "integer"}, b={"type": "number", "minimum": "0", "default": "x"}),
        "required": ["c"],
        "oneof": [],
    }
    assert found(schema) == [
        f"it: oneof is not a known keyword. Use one of: {KNOWN}.",
        "it: properties.a.typ is not a known keyword. Did you mean type?",
        "it: properties.b.minimum is '0'. Use a finite number.",
    ]
    del schema["oneof"]
    assert found(schema)[2:] == [
        "it: required has 'c', which is not a property. Use one of: a, b.",
        "it: properties.a has no description. Describe it in one sentence.",
        "it: properties.b has no description. Describe it in one sentence.",
    ]


def test_the_kinds_are_those_of_the_records() -> None:
    assert set(KINDS) == {record.kind for record in RECORDS}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted(FORMS)) | st.text(max_size=3) | st.none(), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@PLENTY
@given(schema=ANYTHING)
def test_whatever_is_given_is_looked_at(schema: object) -> None:
    for problem in found(schema):
        assert problem.startswith("it")


def test_it_is_quick_to_import() -> None:
    code = (
        "import sys, zoo.plugins.schema_lint\n"
        "print({'torch', 'jsonschema', 'referencing'} & set(sys.modules))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"
