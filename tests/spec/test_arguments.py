"""Checks of arguments, with whole messages."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from typing import Any

import numpy as np
import pytest
import torch

from zoo.errors import ArgumentError
from zoo.spec.arguments import (
    divisor,
    end_padding,
    is_number,
    number,
    pair,
    positive,
    positive_int,
    sides,
)
from zoo.spec.shapes import Sides


@pytest.mark.parametrize("value", [1, 7, np.int64(7), np.uint8(7), torch.tensor(7)])
def test_a_positive_int(value: Any) -> None:
    result = positive_int("Conv2d", "groups", value)
    assert type(result) is int
    assert result == int(value)


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "1", None, [1], nan, np.float32(1)])
def test_what_is_no_positive_int(value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        positive_int("Conv2d", "groups", value)
    assert str(caught.value) == f"Conv2d: groups is {value!r}. Use an integer >= 1."


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, (3, 3)), ((3, 4), (3, 4)), ([3, 4], (3, 4)), ((np.int64(3), 4), (3, 4))],
)
def test_a_pair(value: Any, expected: tuple[int, int]) -> None:
    result = pair("Conv2d", "stride", value)
    assert result == expected
    assert [type(item) for item in result] == [int, int]


@pytest.mark.parametrize(
    "value",
    [0, (1, 0), (0, 1), (), (1,), (1, 1, 1), (1, 1.0), (True, 1), True, 1.0, "3", "33", None],
)
def test_what_is_no_pair(value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        pair("Conv2d", "stride", value)
    assert (
        str(caught.value) == f"Conv2d: stride is {value!r}. Use an integer >= 1 or a pair of them."
    )


def test_a_pair_from_another_minimum() -> None:
    assert pair("Conv2d", "padding", (0, 2), minimum=0) == (0, 2)
    with pytest.raises(ArgumentError) as caught:
        pair("Conv2d", "padding", (0, -2), minimum=0)
    assert str(caught.value) == (
        "Conv2d: padding is (0, -2). Use an integer >= 0 or a pair of them."
    )


@pytest.mark.parametrize("value", [0, 1, 0.5, -2.5, np.float32(0.5), Fraction(1, 2), 10**300])
def test_a_number(value: Any) -> None:
    result = number("SGD", "lr", value)
    assert type(result) is float
    assert result == float(value)
    assert is_number(value)


@pytest.mark.parametrize(
    "value", [nan, inf, -inf, 10**400, -(10**400), True, "1", None, 1j, Decimal(1), [1.0]]
)
def test_what_is_no_number(value: Any) -> None:
    assert not is_number(value)
    with pytest.raises(ArgumentError) as caught:
        number("SGD", "lr", value)
    assert str(caught.value) == f"SGD: lr is {value!r}. Use a finite number."


def test_limits_are_allowed_values() -> None:
    assert number("SGD", "momentum", 0, 0, 1) == 0
    assert number("SGD", "momentum", 1, 0, 1) == 1
    assert is_number(0, 0, 1)
    assert is_number(1, 0, 1)
    assert not is_number(1.5, 0, 1)
    assert not is_number(-0.5, 0, 1)


@pytest.mark.parametrize(
    ("limits", "value", "allowed"),
    [
        ((0, 1), 1.5, "a finite number from 0 to 1"),
        ((0, 0.25), -1, "a finite number from 0 to 0.25"),
        ((0,), -0.5, "a finite number >= 0"),
        ((-inf, 3), 4, "a finite number <= 3"),
    ],
)
def test_numbers_outside_the_limits(limits: tuple[float, ...], value: float, allowed: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        number("SGD", "momentum", value, *limits)
    assert str(caught.value) == f"SGD: momentum is {value!r}. Use {allowed}."


@pytest.mark.parametrize("value", [1, 1e-300, np.float32(0.5), Fraction(1, 2), 10**300])
def test_a_positive_number(value: Any) -> None:
    result = positive("Residual", "scale", value)
    assert type(result) is float
    assert result == float(value)


@pytest.mark.parametrize(
    "value", [0, -0.0, -1, Fraction(1, 10**400), nan, inf, 10**400, True, "1", None]
)
def test_what_is_no_positive_number(value: Any) -> None:
    """Of the fraction, that is more than 0, no float is left."""
    with pytest.raises(ArgumentError) as caught:
        positive("Residual", "scale", value)
    assert str(caught.value) == f"Residual: scale is {value!r}. Use a finite number > 0."


@pytest.mark.parametrize(
    "refuse",
    [
        lambda: positive_int("Conv2d", "groups", 0),
        lambda: pair("Conv2d", "groups", 0),
        lambda: number("Conv2d", "groups", nan),
        lambda: positive("Conv2d", "groups", 0),
        lambda: divisor("Conv2d", 2, 3, 4),
    ],
    ids=["count", "pair", "number", "positive", "divisor"],
)
def test_an_error_names_the_argument(refuse: Callable[[], Any]) -> None:
    with pytest.raises(ArgumentError) as caught:
        refuse()
    assert caught.value.parameter == "groups"


def test_a_divisor() -> None:
    assert divisor("Conv2d", np.int64(3), 6, 9) == 3
    for in_channels, out_channels in ((6, 8), (8, 6)):
        with pytest.raises(ArgumentError) as caught:
            divisor("Conv2d", 3, in_channels, out_channels)
        assert str(caught.value) == (
            f"Conv2d: groups is 3 with {in_channels} input and {out_channels} output channels. "
            "Use a divisor of both."
        )


def test_padding_is_turned_into_sides() -> None:
    def of(padding: Any) -> Sides:
        return sides("Conv2d", padding, kernel=(4, 3), stride=(1, 1), dilation=(1, 3))

    assert of("valid") == of(0) == (0, 0, 0, 0)
    assert of([1, 2]) == (1, 1, 2, 2)
    assert of("same") == (1, 2, 3, 3)  # an odd total has the extra pixel at the bottom


def test_end_padding_is_less_than_stride_or_dilation() -> None:
    assert end_padding("Layer", [1, 2], stride=(2, 1), dilation=(1, 3)) == (1, 2)
    for value in ([2, 0], [0, 3]):
        with pytest.raises(ArgumentError) as caught:
            end_padding("Layer", value, stride=(2, 1), dilation=(1, 3))
        assert str(caught.value) == (
            f"Layer: output_padding is {tuple(value)} with stride (2, 1) and dilation (1, 3). "
            "Use less than one of the two on each axis."
        )
