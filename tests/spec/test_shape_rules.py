"""The shape rules of the built-in layers against the layers, and every message, whole."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from tests.draws import draws
from zoo import LayerInfo
from zoo.errors import ArgumentError, ShapeError, ZooError
from zoo.nn import Module, Sequential
from zoo.plugins.discovery import discover
from zoo.plugins.records import LayerEntry
from zoo.plugins.registry import load_registry
from zoo.spec import shape_rules
from zoo.spec.input_range import receptive_field, same, whole
from zoo.testing import torch_equivalent

Table = dict[str, Any]
Shape = tuple[int, ...]

REGISTRY = load_registry(discover({"ZOO_PLUGINS": ""}))
PROPERTY = draws(400)
WHERE = "layer 3 (name)"

CHANNELS = st.sampled_from([1, 2, 3, 4, 6])
BIAS = st.booleans()
WITH_GROUPS = {
    "in_channels": CHANNELS,
    "out_channels": CHANNELS,
    "groups": st.sampled_from([1, 1, 1, 2, 3]),
    "bias": BIAS,
}


def pairs(low: int, high: int) -> st.SearchStrategy[Any]:
    """An integer or a list of two, as TOML has them; often the least that is allowed."""
    number = st.one_of(st.just(low), st.integers(low, high))
    return st.one_of(number, st.lists(number, min_size=2, max_size=2))


CONVOLUTION = {
    **WITH_GROUPS,
    "kernel_size": pairs(1, 4),
    "stride": pairs(1, 3),
    "padding": st.one_of(st.sampled_from(["same", "valid"]), pairs(0, 3)),
    "dilation": pairs(1, 3),
}
PARAMETERS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "conv2d": CONVOLUTION,
    "conv_transpose2d": {
        **CONVOLUTION,
        "padding": pairs(0, 3),
        "output_padding": pairs(0, 2),
    },
    "upsampling": {**CONVOLUTION, "scale_factor": pairs(1, 3)},
    "nearest_upsampling": {"scale_factor": pairs(1, 4)},
    "linear": {
        "in_features": st.integers(1, 6),
        "out_features": st.integers(1, 6),
        "bias": BIAS,
    },
    "relu": {},
    "sigmoid": {},
}
NAMES = sorted(PARAMETERS)
SIZES = st.integers(0, 8)


@st.composite
def cases(draw: st.DrawFn, name: str) -> tuple[Table, Shape]:
    """Parameters that a layer's schema allows, and an input's shape, often one that fits."""
    parameters = draw(st.fixed_dictionaries(PARAMETERS[name]))
    shape = (parameters.get("in_channels", 3), draw(SIZES), parameters.get("in_features", 5))
    if "in_features" not in parameters:
        shape = (*shape[:2], draw(SIZES))
    other = st.lists(SIZES, max_size=4).map(tuple)
    return parameters, draw(st.one_of(*[st.just(shape)] * 4, other))


def built(entry: LayerEntry, parameters: Table, shape: Shape) -> Module | ZooError:
    """The layer, or what its constructor or ``output_shape`` raises."""
    try:
        module: Module = entry.load()(**parameters)
        module.output_shape(shape)
        return module
    except (ArgumentError, ShapeError) as error:
        return error


def foretold(entry: LayerEntry, parameters: Table, shape: Shape) -> LayerInfo | ZooError:
    try:
        return entry.load_shape_rule()(WHERE, parameters, shape)
    except (ArgumentError, ShapeError) as error:
        return error


def test_every_layer_here_has_its_parameters_here() -> None:
    """Others are left to the conformance kit."""
    opaque = {"init", "bias_init"}
    for name in NAMES:
        assert set(PARAMETERS[name]) == set(REGISTRY.layer(name).schema["properties"]) - opaque


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore:Using padding='same'")  # torch.nn says so once
def test_a_rule_foretells_what_its_layer_does(name: str) -> None:
    entry = REGISTRY.layer(name)
    seen: Counter[type] = Counter()

    @given(cases(name))
    @PROPERTY
    def check(case: tuple[Table, Shape]) -> None:
        parameters, shape = case
        module = built(entry, parameters, shape)
        if isinstance(module, ArgumentError):  # a rule may speak of an impossible shape first
            shape = (parameters["in_channels"], 9, 9)
        info = foretold(entry, parameters, shape)
        seen[type(info)] += 1
        if isinstance(module, ZooError) or isinstance(info, ZooError):
            assert type(info) is type(module)
            assert str(info).startswith(f"{WHERE}: ")
            assert str(info).partition(": ")[2] == str(module).partition(": ")[2]
            return
        x = torch.zeros(2, *shape)
        assert info.output_shape == module.output_shape(shape) == module.forward(x).shape[1:]
        assert info.parameters == sum(parameter.value.numel() for parameter in module.param())
        if all(shape):  # torch.nn takes no empty image
            assert info.multiply_adds == multiply_adds(module, shape)

    check()
    assert seen[LayerInfo] > 50
    assert seen[ShapeError] > 20 or entry.shape_rule.endswith(":elementwise")
    assert seen[ArgumentError] > 20 or "groups" not in PARAMETERS[name]


def multiply_adds(module: Module, shape: Shape) -> int:
    """Half of the operations that torch counts in the same layer, for one image."""
    equivalent = torch_equivalent(Sequential(module))
    with FlopCounterMode(display=False) as counter:
        equivalent(torch.zeros(1, *shape))
    operations = counter.get_total_flops()
    assert operations % 2 == 0
    return int(operations) // 2


CONV2D: Table = {
    "in_channels": 64,
    "out_channels": 64,
    "kernel_size": 6,
    "stride": 1,
    "padding": 0,
    "dilation": 1,
    "groups": 1,
    "bias": True,
}
CONV_TRANSPOSE2D: Table = {**CONV2D, "output_padding": 0}
UPSAMPLING: Table = {**CONV2D, "scale_factor": 2}
LINEAR: Table = {"in_features": 8, "out_features": 2, "bias": True}

AXES = "Use (N, 64, H, W) or (64, H, W)."
SMALLER = "Use a smaller kernel, more padding or a larger input."


@pytest.mark.parametrize(
    ("name", "parameters", "shape", "message"),
    [
        ("conv2d", CONV2D, (32, 9, 9), "expects 64 channels; the input has 32."),
        ("conv2d", {**CONV2D, "in_channels": 1}, (3, 9, 9), "expects 1 channel; the input has 3."),
        ("conv2d", CONV2D, (64, 9), f"the input is (64, 9). {AXES}"),
        (
            "conv2d",
            CONV2D,
            (64, 4, 4),
            f"kernel 6x6 is larger than the padded input 4x4. {SMALLER}",
        ),
        (
            "conv2d",
            {**CONV2D, "kernel_size": [2, 3], "dilation": [1, 4], "padding": [0, 1]},
            (64, 4, 4),
            f"kernel 2x9 (with dilation) is larger than the padded input 4x6. {SMALLER}",
        ),
        ("conv_transpose2d", CONV_TRANSPOSE2D, (3, 9, 9), "expects 64 channels; the input has 3."),
        ("conv_transpose2d", CONV_TRANSPOSE2D, (), f"the input is (). {AXES}"),
        (
            "conv_transpose2d",
            CONV_TRANSPOSE2D,
            (64, 0, 5),
            "the input is 0x5. Use at least one pixel.",
        ),
        (
            "conv_transpose2d",
            {**CONV_TRANSPOSE2D, "padding": [3, 2]},
            (64, 1, 5),
            "padding 3x2 leaves an output of 0x6 from an input of 1x5. "
            "Use less padding or a larger input.",
        ),
        ("upsampling", UPSAMPLING, (3, 9, 9), "expects 64 channels; the input has 3."),
        (
            "upsampling",
            UPSAMPLING,
            (64, 2, 2),
            f"kernel 6x6 is larger than the padded input 4x4. {SMALLER}",
        ),
        (
            "nearest_upsampling",
            {"scale_factor": 2},
            (9, 9),
            "the input is (9, 9). Use (N, C, H, W) or (C, H, W).",
        ),
        ("linear", LINEAR, (3, 9, 9), "the input is (3, 9, 9). Use (..., 8)."),
    ],
)
def test_inputs_that_do_not_fit(name: str, parameters: Table, shape: Shape, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        REGISTRY.layer(name).load_shape_rule()("layer 3 (name)", parameters, shape)
    assert str(caught.value) == f"layer 3 (name): {message}"


@pytest.mark.parametrize(
    ("name", "parameters", "parameter", "message"),
    [
        (
            "conv2d",
            {**CONV2D, "groups": 3},
            "groups",
            "groups is 3 with 64 input and 64 output channels. Use a divisor of both.",
        ),
        (
            "conv2d",
            {**CONV2D, "padding": "same", "stride": [1, 2]},
            "padding",
            "padding is 'same' with stride (1, 2). Use stride 1.",
        ),
        (
            "upsampling",
            {**UPSAMPLING, "padding": "same", "stride": 2},
            "padding",
            "padding is 'same' with stride (2, 2). Use stride 1.",
        ),
        (
            "conv_transpose2d",
            {**CONV_TRANSPOSE2D, "out_channels": 5, "groups": 2},
            "groups",
            "groups is 2 with 64 input and 5 output channels. Use a divisor of both.",
        ),
        (
            "conv_transpose2d",
            {**CONV_TRANSPOSE2D, "output_padding": [0, 2], "stride": 2},
            "output_padding",
            "output_padding is (0, 2) with stride (2, 2) and dilation (1, 1). "
            "Use less than one of the two on each axis.",
        ),
        (
            "conv2d",
            {**CONV2D, "in_channels": 0},
            "in_channels",
            "in_channels is 0. Use an integer >= 1.",
        ),
        (
            "conv2d",
            {**CONV2D, "kernel_size": [3, 0]},
            "kernel_size",
            "kernel_size is [3, 0]. Use an integer >= 1 or a pair of them.",
        ),
    ],
)
def test_parameters_that_do_not_go_together(
    name: str, parameters: Table, parameter: str, message: str
) -> None:
    with pytest.raises(ArgumentError) as caught:
        REGISTRY.layer(name).load_shape_rule()("layer 3 (name)", parameters, (64, 9, 9))
    assert str(caught.value) == f"layer 3 (name): {message}"
    assert caught.value.parameter == parameter


@pytest.mark.parametrize(
    ("name", "parameters", "fields"),
    [
        ("conv2d", {"kernel_size": [3, 5], "dilation": [1, 2]}, (3, 9)),
        ("conv2d", {"kernel_size": 4, "padding": "same"}, (4, 4)),
        ("upsampling", {"kernel_size": [3, 5], "scale_factor": [1, 2]}, (3, 3)),
        ("conv_transpose2d", {"kernel_size": [3, 4], "stride": [1, 2]}, (3, 2)),
    ],
)
def test_receptive_fields(name: str, parameters: Table, fields: tuple[int, int]) -> None:
    defaults = {**CONV_TRANSPOSE2D, **UPSAMPLING}
    rule = REGISTRY.layer(name).load_shape_rule()
    info = rule(name, {**defaults, **parameters}, (64, 20, 20))
    assert tuple(map(receptive_field, info.input_range)) == fields


def test_a_linear_layer_mixes_the_columns() -> None:
    assert REGISTRY.layer("linear").load_shape_rule()("", LINEAR, (3, 5, 8)) == LayerInfo(
        output_shape=(3, 5, 2), parameters=18, multiply_adds=240, input_range=(same, whole)
    )


def test_any_integer_of_toml_is_answered_at_once() -> None:
    largest = 2**63 - 1
    for name in NAMES:
        parameters = {key: largest for key in PARAMETERS[name] if key not in {"groups", "bias"}}
        parameters |= {"groups": 1, "bias": True}
        shape = (largest, largest, largest)
        info = foretold(REGISTRY.layer(name), parameters, shape)
        if isinstance(info, LayerInfo):
            assert max(map(receptive_field, info.input_range)) >= 1


def test_the_rule_in_the_documentation_works() -> None:
    lines = (shape_rules.__doc__ or "").partition("::\n")[2].splitlines()
    code = "\n".join(line for line in lines if line.startswith("    ") or not line)
    names: dict[str, Any] = {}
    exec(textwrap.dedent(code), names)
    info = names["max_pooling"]("layer 1 (max_pooling)", {"size": 2}, (3, 7, 8))
    assert (info.output_shape, info.parameters) == ((3, 3, 4), 0)
    assert tuple(map(receptive_field, info.input_range)) == (2, 2)
    with pytest.raises(ShapeError) as caught:
        names["max_pooling"]("layer 1 (max_pooling)", {"size": 2}, (3, 7, 1))
    assert str(caught.value) == (
        "layer 1 (max_pooling): the input is (3, 7, 1). Use 2 pixels or more."
    )
