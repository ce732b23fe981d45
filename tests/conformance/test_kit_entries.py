"""The kit on entries: schemas against factories, cases that are made up or declared, files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests.conformance.test_kit import found_by
from tests.containers import installed as containers
from zoo.errors import PluginError
from zoo.plugins.discovery import discover
from zoo.plugins.records import Entry, LayerEntry, LossEntry, SourceEntry
from zoo.plugins.registry import Registered, Registry, load_registry
from zoo.testing import (
    ENTRY_CHECKS,
    SOURCE_CHECKS,
    Case,
    EntryCase,
    LayerCase,
    NotApplicable,
    schema_differences,
)
from zoo.testing.entries import PluginCase, check_contributes, check_in_a_file, check_no_torch
from zoo.testing.making import make_cases
from zoo.testing.running import installed
from zoo.testing.schemas import wrong_defaults

REGISTRY = load_registry(discover({"ZOO_PLUGINS": ""}))
LAYERS = {name: REGISTRY.layer(name) for name in REGISTRY.names("layer")}
ENTRIES = {f"{item.entry.kind}-{item.entry.name}": item for item in REGISTRY}


def changed(name: str, **properties: Any) -> dict[str, Any]:
    """The schema of a built-in layer with other words on some of its properties."""
    schema = LAYERS[name].schema
    own = schema["properties"]
    return {**schema, "properties": {key: own[key] | properties.get(key, {}) for key in own}}


# Schemas.


@pytest.mark.parametrize(
    ("schema", "differences"),
    [
        (changed("conv2d"), []),
        (
            changed("conv2d", stride={"default": 2}),
            ["the default of stride is 2 in the schema and 1 in the factory."],
        ),
        (
            changed("conv2d", bias={"default": 1}),
            ["the default of bias is 1 in the schema and true in the factory."],
        ),
        (
            changed("conv2d", init={"default": "he_normal"}),
            ['the default of init is "he_normal" in the schema and PyTorch() in the factory.'],
        ),
        (
            changed("conv2d", out_channels={"default": 3}),
            ["the default of out_channels is 3 in the schema and none in the factory."],
        ),
        (
            {**changed("conv2d"), "required": ["kernel_size"]},
            [
                "the schema requires kernel_size, the factory out_channels, kernel_size. "
                "Require the same, in the same order."
            ],
        ),
        (
            LAYERS["nearest_upsampling"].schema,
            [
                "the schema has scale_factor, the factory in_channels, out_channels, kernel_size, "
                "stride, padding, dilation, groups, bias, init, bias_init. "
                "Give both the same, in the same order.",
                "the schema requires scale_factor, the factory out_channels, kernel_size. "
                "Require the same, in the same order.",
            ],
        ),
    ],
    ids=["right", "default", "true", "initializer", "none", "required", "properties"],
)
def test_a_schema_and_its_factory(schema: dict[str, Any], differences: list[str]) -> None:
    assert schema_differences(LAYERS["conv2d"], schema, REGISTRY) == differences


def test_a_default_that_the_schema_refuses() -> None:
    schema = changed("conv2d", groups={"default": 0}, bias={"default": 1})
    assert list(wrong_defaults(schema)) == [
        "groups: its own schema refuses the default: 0 is less than the minimum of 1.",
        "bias: its own schema refuses the default: 1 is not of type 'boolean'.",
    ]


# Cases that are made up.


@pytest.mark.parametrize("name", [name for name in ENTRIES if not name.startswith("source")])
def test_every_option_is_tried(name: str) -> None:
    """The inferred parameters aside; a value other than the default, of each form and choice."""
    entry = ENTRIES[name].entry
    made = make_cases(entry, REGISTRY)
    inferred = entry.inferred if isinstance(entry, LayerEntry) else {}
    tried = {key for each in made for key in each.table} - {"type"}
    assert tried == set(entry.schema["properties"]) - set(inferred)
    for key, schema in entry.schema["properties"].items():
        values = {repr(each.table[key]) for each in made if key in each.table}
        assert repr(schema.get("default")) not in values
        choices = {repr(value) for value in schema.get("enum", ())} - {repr(schema.get("default"))}
        assert choices <= values


def test_the_cases_of_a_layer() -> None:
    made = make_cases(LAYERS["nearest_upsampling"], REGISTRY)
    assert [each.case.id for each in made if each.case] == [
        "nearest_upsampling(scale_factor=2)",
        "nearest_upsampling(scale_factor=3)",
        "nearest_upsampling(scale_factor=1)",
        "nearest_upsampling(scale_factor=[2, 3])",
    ]
    assert {each.source.input for each in made} == {(6, 6, 5)}


def test_options_that_need_another_are_tried_with_it() -> None:
    ids = [
        each.case.id for each in make_cases(ENTRIES["optimizer-sgd"].entry, REGISTRY) if each.case
    ]
    assert "sgd(momentum=0.1, nesterov=true)" in ids
    assert "sgd(momentum=0.1, dampening=0.1)" in ids  # alone it does nothing
    ids = [each.case.id for each in make_cases(LAYERS["conv_transpose2d"], REGISTRY) if each.case]
    assert any("output_padding=1" in case and "stride=2" in case for case in ids)


def test_a_source_that_declares_no_cases_and_needs_files_is_not_tried() -> None:
    entry = replace(ENTRIES["source-folder"].entry, cases="")
    assert make_cases(entry, REGISTRY) == []
    with pytest.raises(NotApplicable) as reason:
        check_in_a_file(EntryCase(ENTRIES["source-folder"], REGISTRY))
    assert str(reason.value) == (
        "a source may need files that are not here; declare cases with files"
    )


def test_a_source_that_declares_no_cases_and_needs_no_files_is_tried() -> None:
    entry = replace(ENTRIES["source-demo"].entry, cases="")
    assert [made.source for made in make_cases(entry, REGISTRY)] == [Case()]


@pytest.mark.parametrize(
    ("factory", "expected"),
    [
        ("drawn_by_default", {"same_again"}),
        ("shuffled_by_default", {"same_again"}),
        ("named_twice_by_default", {"images"}),
        ("of_255_by_default", {"images"}),
        ("without_its_file", {"images", "same_again"}),
        ("right_without_its_file", None),  # it says so, and nothing can be tried
    ],
)
def test_mistakes_in_a_source_that_declares_no_cases(
    factory: str, expected: set[str] | None
) -> None:
    entry = SourceEntry(
        name="made_here",
        factory=f"tests.conformance.test_kit_sources:{factory}",
        schema={"type": "object", "properties": {}, "additionalProperties": False},
        summary="a test's",
    )
    made = make_cases(entry, Registry([*REGISTRY, registered(entry)]))
    assert [found_by(SOURCE_CHECKS, each.case) for each in made] == (
        [] if expected is None else [expected]
    )


def test_a_container_is_tried_around_a_small_network() -> None:
    with containers() as registry:
        (made,) = make_cases(registry.layer("residual"), registry)
        assert isinstance(made.case, LayerCase)
        body = made.case.module().children["body"]
        assert [type(layer).__name__ for layer in body.children.values()] == ["Conv2d", "Sigmoid"]
        info = made.case.rule("residual", {}, (6, 6, 5))
        assert (info.output_shape, info.parameters) == ((6, 6, 5), 330)


# Cases that are declared.

SHIFT = """
import zoo
from zoo.testing import Case

ONE = [Case({"amount": 2.0}, input=(3, 2, 2))]
WRONG = [Case({"amount": "far"})]
NONE = [{"amount": 2.0}]
SCHEMA = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "description": "How far.", "default": 1.0},
        "twice": {"type": "boolean", "description": "Whether to.", "default": False},
    },
    "additionalProperties": False,
}


@zoo.hookimpl
def zoo_layers():
    for cases in ("ONE", "WRONG", "NONE", "MISSING"):
        yield zoo.LayerEntry(
            name=cases.lower(),
            factory="zoo.nn:ReLU",
            schema=SCHEMA,
            summary="x plus an amount",
            shape_rule="zoo.spec.shape_rules:elementwise",
            cases=f"zoo_shift:{cases}",
        )
"""


def test_declared_cases_are_varied_where_they_set_nothing(install: Callable[..., None]) -> None:
    install("zoo-shift", SHIFT)
    registry = installed("zoo-shift")
    made = make_cases(registry.layer("one"), registry)
    assert [(each.case.id, each.source.input) for each in made if each.case] == [
        ("one(amount=2.0)", (3, 2, 2)),
        ("one(amount=2.0, twice=true)", (3, 2, 2)),
    ]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "wrong",
            "layer 'wrong': a declared case is wrong: the file: [0].amount: is \"far\". "
            "Use a finite number.",
        ),
        (
            "none",
            "layer 'none': 'zoo_shift:NONE' is [{'amount': 2.0}]. "
            "Give a list of zoo.testing.Case records.",
        ),
        (
            "missing",
            "layer 'missing': cannot import 'zoo_shift:MISSING': AttributeError: module "
            "'zoo_shift' has no attribute 'MISSING'.",
        ),
    ],
)
def test_cases_that_cannot_be_used(name: str, message: str, install: Callable[..., None]) -> None:
    install("zoo-shift", SHIFT)
    registry = installed("zoo-shift")
    with pytest.raises(PluginError) as caught:
        make_cases(registry.layer(name), registry)
    assert str(caught.value) == message


def test_an_entry_for_which_nothing_can_be_made_up() -> None:
    schema = {
        "type": "object",
        "properties": {"model": {"type": "string", "pattern": "^vgg", "description": "Which."}},
        "required": ["model"],
        "additionalProperties": False,
    }
    loss = LossEntry(name="perceptual", factory="zoo.nn:MSE", schema=schema, summary="a test's")
    with pytest.raises(PluginError) as caught:
        make_cases(loss, REGISTRY)
    assert str(caught.value) == (
        "loss 'perceptual': no values for its required parameters were found that it takes. "
        "Declare cases (zoo.testing.Case)."
    )


def test_a_layer_that_no_input_fits() -> None:
    entry = replace(LAYERS["conv2d"], inferred={}, name="fixed", schema=FIXED)
    with pytest.raises(PluginError) as caught:
        make_cases(entry, Registry([*REGISTRY, registered(entry)]))
    assert str(caught.value) == (
        "layer 'fixed': no values for its required parameters and no input were found that it "
        "takes. Declare cases (zoo.testing.Case). The first was refused: layer 0 (fixed): expects "
        "77 channels; the input has 6."
    )


OPTIONS = ("stride", "padding", "dilation", "groups", "bias", "init", "bias_init", "kernel_size")
FIXED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "in_channels": {"const": 77, "description": "77.", "type": "integer"},
        "out_channels": {"type": "integer", "description": "How many.", "minimum": 1},
        **{name: LAYERS["conv2d"].schema["properties"][name] for name in OPTIONS},
    },
    "required": ["in_channels", "out_channels", "kernel_size"],
    "additionalProperties": False,
}


def registered(entry: Entry) -> Registered:
    return Registered(entry, next(iter(REGISTRY)).provider)


# Entries and plugins.


class Unbounded:
    """A loss that is always infinite."""

    def forward(self, y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        self.grad_y = torch.zeros_like(y)
        return torch.tensor(torch.inf)

    def backward(self) -> torch.Tensor:
        return self.grad_y


def test_a_step_of_training_without_a_finite_loss() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    factory = "tests.conformance.test_kit_entries:Unbounded"
    entry = LossEntry(name="unbounded", factory=factory, schema=schema, summary="a test's")
    registry = Registry([*REGISTRY, registered(entry)])
    case = EntryCase(registered(entry), registry, make_cases(entry, registry))
    (check,) = (check for check in ENTRY_CHECKS if check.__name__ == "check_in_a_file")
    with pytest.raises(AssertionError) as caught:
        check(case)
    assert str(caught.value) == (
        "loss unbounded: in a file, as {'type': 'unbounded'}, the loss of a training step is inf."
    )


def test_a_wrong_schema_is_reported() -> None:
    entry = replace(LAYERS["relu"], schema=LAYERS["nearest_upsampling"].schema)
    (check,) = (check for check in ENTRY_CHECKS if check.__name__ == "check_schema")
    with pytest.raises(AssertionError) as caught:
        check(EntryCase(registered(entry), REGISTRY))
    assert str(caught.value) == (
        "layer relu: the schema has scale_factor, the factory nothing. "
        "Give both the same, in the same order. the schema requires scale_factor, the factory "
        "nothing. Require the same, in the same order."
    )


def test_a_plugin_that_provides_nothing() -> None:
    with pytest.raises(AssertionError) as caught:
        check_contributes(PluginCase("zoo-empty", 0))
    assert str(caught.value) == (
        "zoo-empty: provides nothing. Mark functions with @zoo.hookimpl (zoo.plugins.hookspecs)."
    )
    check_contributes(PluginCase("zoo-empty", 1))


QUICK = """
import zoo


@zoo.hookimpl
def zoo_layers():
    yield zoo.LayerEntry(
        name="quick",
        factory="zoo.nn:ReLU",
        schema={"type": "object", "properties": {}, "additionalProperties": False},
        summary="a test's",
        shape_rule="RULE",
    )


@zoo.hookimpl
def zoo_losses():
    IMPORT
    return ()
"""


@pytest.mark.parametrize(
    ("rule", "statement", "message"),
    [
        ("zoo.spec.shape_rules:elementwise", "pass", None),
        (
            "zoo.spec.shape_rules:elementwise",
            "import torch",
            "zoo-quick: the module of its entry point, or a hook in it, imports torch. "
            "Import it only where the factories are.",
        ),
        (
            "zoo.nn:ReLU",
            "pass",
            "zoo-quick: the shape_rule of layer quick imports torch. "
            "Import it only where the factories are.",
        ),
    ],
    ids=["quick", "hook", "rule"],
)
def test_a_plugin_that_imports_torch(
    rule: str, statement: str, message: str | None, install: Callable[..., None]
) -> None:
    install("zoo-quick", QUICK.replace("RULE", rule).replace("IMPORT", statement))
    said = None
    try:
        check_no_torch(PluginCase("zoo-quick", 1))
    except AssertionError as error:
        said = str(error)
    assert said == message
