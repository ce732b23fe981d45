"""The records of plugins: what makes one unusable, in whole messages."""

from __future__ import annotations

import inspect
import math
from dataclasses import FrozenInstanceError
from typing import Any

import pytest

import zoo
from zoo.errors import PluginError
from zoo.plugins import hookspecs
from zoo.plugins.records import KINDS, Entry, LayerEntry, NoiseEntry

SCHEMA = {
    "type": "object",
    "properties": {"size": {"type": "integer", "description": "How many."}},
}
FIELDS: dict[str, Any] = {
    "name": "swish",
    "factory": "zoo_swish.layer:Swish",
    "schema": {**SCHEMA, "additionalProperties": False},
    "summary": "x times its sigmoid",
}
RULE = {"shape_rule": "zoo.spec.shape_rules:elementwise"}


def entry(**fields: Any) -> LayerEntry:
    return LayerEntry(**{**FIELDS, **RULE, **fields})


def test_a_record_keeps_what_it_is_given() -> None:
    given = {**FIELDS, **RULE, "check": "zoo_swish.checks:sizes", "cases": "zoo_swish.cases:ALL"}
    given["torch_reference"] = "zoo_swish.torch_references:swish"
    given["onnx"] = "zoo_swish.onnx:swish"
    record = entry(inferred={"size": 0}, **given)
    assert (record.kind, record.hook) == ("layer", "zoo_layers")
    assert {name: getattr(record, name) for name in given} == given
    assert record.inferred == {"size": 0}
    with pytest.raises(FrozenInstanceError):
        record.name = "other"  # type: ignore[misc]  # that is the point


@pytest.mark.parametrize("name", ["a", "conv2d", "a_1", "a__b"])
def test_usable_names(name: str) -> None:
    assert entry(name=name).name == name


@pytest.mark.parametrize(
    "name", ["", "Swish", "2d", "_a", "a-b", "a.b", "a b", "a\n", "é", 3, None]
)
def test_unusable_names(name: Any) -> None:
    with pytest.raises(PluginError) as caught:
        entry(name=name)
    assert str(caught.value) == (
        f"layer {name!r}: not a usable name. Use lower-case letters, digits and underscores."
    )


@pytest.mark.parametrize(
    "factory", ["", "Swish", "zoo_swish.layer", "a:", ":A", "a:b:c", "a..b:C", "a:B.c", "a: B", int]
)
def test_unusable_factories(factory: Any) -> None:
    with pytest.raises(PluginError) as caught:
        entry(factory=factory)
    assert str(caught.value) == (
        f"layer 'swish': factory is {factory!r}. Write it as 'package.module:Class'."
    )


@pytest.mark.parametrize("field", ["check", "shape_rule", "torch_reference", "onnx"])
@pytest.mark.parametrize("value", ["swish", "zoo_swish.rules", "a:b:c", "a: b", len, None])
def test_unusable_functions(field: str, value: Any) -> None:
    with pytest.raises(PluginError) as caught:
        entry(**{field: value})
    assert str(caught.value) == (
        f"layer 'swish': {field} is {value!r}. Write it as 'package.module:function'."
    )


@pytest.mark.parametrize("value", ["swish", "a:b:c", [], None])
def test_unusable_cases(value: Any) -> None:
    with pytest.raises(PluginError) as caught:
        entry(cases=value)
    assert str(caught.value) == (
        f"layer 'swish': cases is {value!r}. Write it as 'package.module:CASES'."
    )


def test_only_a_check_cases_a_torch_reference_and_onnx_may_be_left_out() -> None:
    assert (entry().check, entry().cases, entry().torch_reference, entry().onnx) == ("",) * 4
    with pytest.raises(PluginError) as caught:
        entry(shape_rule="")
    assert str(caught.value) == (
        "layer 'swish': shape_rule is ''. Write it as 'package.module:function'."
    )
    with pytest.raises(TypeError, match="shape_rule"):
        LayerEntry(**FIELDS)


def test_a_layer_cannot_be_called_block() -> None:
    with pytest.raises(PluginError) as caught:
        entry(name="block")
    assert str(caught.value) == ("layer 'block': the name stands for a named block. Use another.")
    assert NoiseEntry(**{**FIELDS, "name": "block"}).name == "block"


@pytest.mark.parametrize("summary", ["", "two\nlines", None])
def test_unusable_summaries(summary: Any) -> None:
    with pytest.raises(PluginError) as caught:
        entry(summary=summary)
    assert str(caught.value) == f"layer 'swish': summary is {summary!r}. Write one line of text."


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        (None, "schema is not that of an object. Set 'type' to 'object'."),
        ({}, "schema is not that of an object. Set 'type' to 'object'."),
        ({"type": "array"}, "schema is not that of an object. Set 'type' to 'object'."),
        (SCHEMA, "schema accepts unknown keys. Set 'additionalProperties' to false."),
        (
            {**SCHEMA, "additionalProperties": {}},
            "schema accepts unknown keys. Set 'additionalProperties' to false.",
        ),
        (
            {**FIELDS["schema"], "properties": ["size"]},
            "schema: properties is ['size']. Give a table of schemas.",
        ),
        (
            {**FIELDS["schema"], "properties": {"alpha": {"type": "number", "minimun": 0}}},
            "schema: properties.alpha.minimun is not a known keyword. Did you mean minimum?",
        ),
        (
            {**FIELDS["schema"], "properties": {"type": {"description": "Which."}}},
            "schema has a property 'type', which selects the entry. Rename it.",
        ),
    ],
)
def test_unusable_schemas(schema: Any, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        entry(schema=schema)
    assert str(caught.value) == f"layer 'swish': {message}"


@pytest.mark.parametrize(("name", "axis"), [("in_channels", 0), ("size", "0"), ("size", None)])
def test_unusable_inferences(name: str, axis: Any) -> None:
    with pytest.raises(PluginError) as caught:
        entry(inferred={name: axis})
    assert str(caught.value) == (
        f"layer 'swish': inferred has {name!r}: {axis!r}. "
        "Give a property of the schema and an axis of the input's shape."
    )


def test_a_message_names_the_kind() -> None:
    with pytest.raises(PluginError) as caught:
        NoiseEntry(**{**FIELDS, "summary": ""})
    assert str(caught.value) == "noise 'swish': summary is ''. Write one line of text."


def test_what_a_record_names_is_imported_on_demand() -> None:
    assert entry(factory="math:sqrt").load() is math.sqrt
    assert entry(check="math:cos").load_check() is math.cos
    assert entry().load_check() is None
    assert entry(cases="math:pi").load_cases() is math.pi
    assert entry().load_cases() == ()
    assert entry(shape_rule="math:sin").load_shape_rule() is math.sin
    assert entry(torch_reference="math:tan").load_torch_reference() is math.tan
    assert entry().load_torch_reference() is None
    assert entry(onnx="math:tan").load_onnx() is math.tan
    assert entry().load_onnx() is None


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        (
            "zoo_no_such_module:Swish",
            "cannot import 'zoo_no_such_module:Swish': "
            "ModuleNotFoundError: No module named 'zoo_no_such_module'.",
        ),
        (
            "math:Swish",
            "cannot import 'math:Swish': AttributeError: module 'math' has no attribute 'Swish'.",
        ),
        ("math:pi", "'math:pi' is not callable."),
    ],
)
def test_names_that_are_not_there(factory: str, reason: str) -> None:
    with pytest.raises(PluginError) as caught:
        entry(factory=factory).load()
    assert str(caught.value) == f"layer 'swish': {reason}"
    with pytest.raises(PluginError) as caught:
        entry(torch_reference=factory).load_torch_reference()
    assert str(caught.value) == f"layer 'swish': {reason}"
    with pytest.raises(PluginError) as caught:
        entry(shape_rule=factory).load_shape_rule()
    assert str(caught.value) == f"layer 'swish': {reason}"
    with pytest.raises(PluginError) as caught:
        entry(check=factory).load_check()
    assert str(caught.value) == f"layer 'swish': {reason}"


@pytest.mark.parametrize("record", KINDS, ids=lambda record: record.__name__)
def test_every_kind_has_a_hook_and_is_exported(record: type[Entry]) -> None:
    assert getattr(zoo, record.__name__) is record
    assert record.__name__ in zoo.__all__
    hook = getattr(hookspecs, record.hook)
    assert inspect.signature(hook).parameters == {}  # arguments can only ever be added
    assert hook.__annotations__["return"] == f"Iterable[{record.__name__}]"


def test_there_is_no_other_hook() -> None:
    hooks = {name for name in vars(hookspecs) if name.startswith("zoo_")}
    assert hooks == {*(record.hook for record in KINDS), "zoo_models", "zoo_lowerings"}
    assert len({record.kind for record in KINDS}) == len(KINDS)
