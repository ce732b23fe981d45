"""Input ranges by hand, by their laws, and against the gradients of networks built and run."""

from __future__ import annotations

import doctest
from dataclasses import dataclass
from math import inf
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.draws import draws
from zoo import input_range
from zoo.nn import Module, Sequential
from zoo.plugins.registry import load_registry
from zoo.spec.input_range import (
    EMPTY,
    InputRange,
    Range,
    chain,
    receptive_field,
    repeat,
    same,
    transposed_window,
    union,
    whole,
    window,
)

PROPERTY = draws(200)


@pytest.mark.parametrize(
    ("one", "outputs", "inputs"),
    [
        (same, (-3, 7), (-3, 7)),
        (whole, (2, 2), (-inf, inf)),
        (window(3), (0, 0), (0, 2)),
        (window(3, stride=2, before=1), (0, 4), (-1, 9)),
        (window(2, stride=3), (1, 2), (3, 7)),
        (transposed_window(4, stride=2, before=1), (0, 0), (-1, 0)),
        (transposed_window(4, stride=2, before=1), (1, 1), (0, 1)),
        (transposed_window(4, stride=2, before=1), (0, 7), (-1, 4)),
        (transposed_window(2, stride=3), (3, 3), (1, 1)),
        (transposed_window(2, stride=3), (4, 4), (1, 1)),
        (transposed_window(2, stride=3), (5, 5), EMPTY),
        (transposed_window(2, stride=3), (5, 6), (2, 2)),
        (repeat(3), (4, 4), (1, 1)),
        (repeat(3), (-1, 3), (-1, 1)),
        (repeat(1), (4, 5), (4, 5)),
        (chain(), (1, 2), (1, 2)),
        (chain(transposed_window(4, stride=2), whole), (1, 2), (-inf, inf)),
        (chain(repeat(2), window(3, before=1)), (4, 4), (1, 2)),  # the first is nearest the input
        (chain(window(3, before=1), repeat(2)), (4, 4), (1, 3)),
        (union(same, window(3, before=1)), (4, 6), (3, 7)),
        (union(same, whole), (4, 6), (-inf, inf)),
        (
            union(same, transposed_window(1, stride=2)),
            (5, 5),
            (5, 5),
        ),  # the second depends on nothing
    ],
)
def test_by_hand(one: InputRange, outputs: Range, inputs: Range) -> None:
    assert one(outputs) == inputs


@pytest.mark.parametrize(
    ("one", "pixels"),
    [
        (same, 1),
        (whole, inf),
        (chain(window(3), whole), inf),
        (chain(window(3), whole, transposed_window(1, stride=2)), inf),
        (chain(*[window(3, before=1)] * 5), 11),
        (chain(window(3, stride=2, before=1), window(3, stride=2, before=1)), 7),
        (window(5), 5),
        (repeat(4), 1),
        (chain(repeat(2), window(3, before=1)), 2),
        (chain(repeat(2), window(4, before=1)), 3),  # of 2 and 3
        (transposed_window(4, stride=2, before=1), 2),
        (transposed_window(5, stride=2), 3),  # of 2 and 3
        (transposed_window(1, stride=3), 1),  # of 0 and 1
        (
            chain(transposed_window(1, stride=2), window(1, stride=2, before=1)),
            0,
        ),  # only what nothing reaches
        (union(same, chain(window(3), repeat(2), window(2, stride=2))), 3),
        (chain(window(3, stride=7), repeat(7), repeat(9), window(2, stride=9, before=1)), 10),
    ],
)
def test_receptive_field_by_hand(one: InputRange, pixels: float) -> None:
    assert receptive_field(one) == pixels


def test_the_receptive_field_of_a_pattern_without_end_is_found_in_time() -> None:
    assert receptive_field(transposed_window(2**62 + 1, stride=2**62)) == 2
    assert receptive_field(chain(*[repeat(3)] * 50)) == 1


def test_positions_may_be_larger_than_any_float() -> None:
    one = chain(*[transposed_window(2**62 + 1, stride=2**62)] * 2, *[window(3, stride=2**62)] * 40)
    assert one((1, 1))[1] > 10**400
    assert receptive_field(one) > 10**400


def test_the_example_in_the_documentation() -> None:
    result = doctest.testmod(input_range)
    assert (result.attempted, result.failed) == (3, 0)


def test_a_u_net_with_parallel_branches() -> None:
    down, up, level = window(2, stride=2), repeat(2), window(3, before=1)
    inner = union(level, chain(down, level, up))
    outer = union(level, chain(level, down, inner, up, level))
    assert (outer.period, outer.step) == (4, 4)
    assert [outer((i, i)) for i in range(4)] == [(-9, 8), (-5, 8), (-5, 8), (-5, 12)]
    assert receptive_field(outer) == 18


def test_zoo_offers_it_to_plugins() -> None:
    assert input_range.window is window


RANGES = st.one_of(
    st.builds(window, st.integers(1, 5), st.integers(1, 4), st.integers(0, 3)),
    st.builds(transposed_window, st.integers(1, 5), st.integers(1, 4), st.integers(0, 3)),
    st.builds(repeat, st.integers(1, 3)),
    st.sampled_from([same, whole]),
)
CHAINS = st.lists(RANGES, max_size=5).map(lambda input_ranges: chain(*input_ranges))
NETWORKS = st.one_of(CHAINS, st.builds(lambda one: union(one, one), CHAINS))


@given(NETWORKS, st.integers(-40, 40), st.integers(0, 5), st.integers(0, 3))
@PROPERTY
def test_laws(one: InputRange, first: int, more: int, periods: int) -> None:
    assert one(EMPTY) == EMPTY
    low, high = one((first, first + more))
    alone = [one((output, output)) for output in range(first, first + more + 1)]
    assert low <= min(start for start, _ in alone)  # a range depends on all that its pixels do
    assert high >= max(end for _, end in alone)
    further = first + periods * one.period
    moved = periods * one.step
    assert one((further, further + more)) == (low + moved, high + moved)


# Layers of one channel that work along one axis, with weights of one. A pixel's gradient is not
# zero exactly where it is seen, so its support can be compared with what the layers' rules say.

AXES = st.sampled_from([0, 1])
LENGTH = 400


@dataclass(frozen=True)
class Layer:
    """A layer's name and its parameters along the axis; along the other they change nothing."""

    name: str
    parameters: dict[str, int]

    def table(self, axis: int) -> dict[str, Any]:
        neutral = {"padding": 0, "output_padding": 0}
        pairs = {
            key: [value, neutral.get(key, 1)][:: 1 - 2 * axis]
            for key, value in self.parameters.items()
        }
        if self.name in {"relu", "nearest_upsampling"}:
            return pairs
        return {"in_channels": 1, "out_channels": 1, **pairs, "groups": 1, "bias": False}


def conv2d(skipping: bool) -> st.SearchStrategy[Layer]:
    """A convolution; one that skips no pixel has no dilation and a stride within its kernel."""
    return st.builds(
        lambda kernel, stride, dilation, padding: Layer(
            "conv2d",
            {
                "kernel_size": kernel,
                "stride": stride if skipping else min(stride, kernel),
                "dilation": dilation if skipping else 1,
                "padding": padding,
            },
        ),
        *(st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2)),
    )


def upsampling(skipping: bool) -> st.SearchStrategy[Layer]:
    return st.builds(
        lambda layer, factor: Layer("upsampling", {**layer.parameters, "scale_factor": factor}),
        *(conv2d(skipping), st.integers(1, 3)),
    )


def conv_transpose2d(gaps: bool, dilations: int = 1) -> st.SearchStrategy[Layer]:
    """A transposed convolution; one without gaps reaches every output."""
    return st.builds(
        lambda kernel, stride, dilation, padding: Layer(
            "conv_transpose2d",
            {
                "kernel_size": kernel,
                "stride": stride if gaps else min(stride, kernel),
                "dilation": dilation,
                "padding": padding,
                "output_padding": 0,
            },
        ),
        *(st.integers(1, 4), st.integers(1, 3), st.integers(1, dilations), st.integers(0, 2)),
    )


NEAREST = st.builds(lambda n: Layer("nearest_upsampling", {"scale_factor": n}), st.integers(1, 3))
RELU = st.just(Layer("relu", {}))


def networks(*layers: st.SearchStrategy[Layer]) -> st.SearchStrategy[list[Layer]]:
    return st.lists(st.one_of(*layers, NEAREST, RELU), min_size=1, max_size=3)


# Where a range says exactly what is seen: pixels are skipped, or outputs left out, but not both.
EXACT = st.one_of(
    networks(conv2d(skipping=True), upsampling(skipping=True), conv_transpose2d(gaps=False)),
    networks(conv2d(skipping=False), upsampling(skipping=False), conv_transpose2d(gaps=True)),
)
ALL = networks(
    *(conv2d(skipping=True), upsampling(skipping=True), conv_transpose2d(gaps=True, dilations=2))
)


def build(layers: list[Layer], axis: int) -> tuple[Sequential, tuple[int, ...], InputRange]:
    """The network, the shape of its input, and its input range along the axis."""
    registry = load_registry()
    modules: list[Module] = []
    input_ranges: list[InputRange] = []
    shape: tuple[int, ...] = (1, LENGTH, 1) if axis == 0 else (1, 1, LENGTH)
    for layer in layers:
        entry, table = registry.layer(layer.name), layer.table(axis)
        info = entry.load_shape_rule()("", table, shape)
        modules.append(entry.load()(**table))
        input_ranges.append(info.input_range[axis])
        assert receptive_field(info.input_range[1 - axis]) == 1
        shape = info.output_shape
    for parameter in Sequential(*modules).param():
        parameter.value.fill_(1)
    return Sequential(*modules).to(torch.float64), shape, chain(*input_ranges)


def seen(layers: list[Layer], axis: int) -> list[tuple[Range, Range]]:
    """What the input range says of pixels in the middle of the output, and what they really see."""
    model, shape, one = build(layers, axis)
    first = (shape[1 + axis] - one.period) // 2
    outputs = torch.arange(first, first + one.period)
    x = torch.ones(len(outputs), 1, LENGTH, dtype=torch.float64).unsqueeze(3 - axis)
    grad_y = torch.zeros_like(model.forward(x)).squeeze(3 - axis)
    grad_y[torch.arange(len(outputs)), 0, outputs] = 1
    gradients = model.backward(grad_y.unsqueeze(3 - axis)).squeeze(3 - axis)[:, 0]
    pairs = []
    for output, gradient in zip(outputs.tolist(), gradients, strict=True):
        support = gradient.nonzero().flatten().tolist()
        foretold = one((output, output))
        assert foretold == EMPTY or 0 <= foretold[0] <= foretold[1] < LENGTH  # far from the border
        pairs.append((foretold, (support[0], support[-1]) if support else EMPTY))
    assert receptive_field(one) == max(0, *(last - first + 1 for (first, last), _ in pairs))
    return pairs


@given(EXACT, AXES)
@PROPERTY
def test_an_input_range_is_the_support_of_the_gradient(layers: list[Layer], axis: int) -> None:
    for foretold, actual in seen(layers, axis):
        assert foretold == actual


@given(ALL, AXES)
@PROPERTY
def test_an_input_range_is_never_too_short(layers: list[Layer], axis: int) -> None:
    for foretold, actual in seen(layers, axis):
        assert foretold[0] <= actual[0]
        assert foretold[1] >= actual[1]
