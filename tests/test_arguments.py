"""Checks of arguments, with whole messages."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import inf, nan
from typing import Any

import numpy as np
import pytest
import torch

from zoo.arguments import count, is_number, number, pair
from zoo.errors import ArgumentError


@pytest.mark.parametrize("value", [1, 7, np.int64(7), np.uint8(7), torch.tensor(7)])
def test_a_count(value: Any) -> None:
    result = count("Conv2d", "groups", value)
    assert type(result) is int
    assert result == int(value)


@pytest.mark.parametrize("value", [0, -1, 1.0, True, "1", None, [1], nan, np.float32(1)])
def test_what_is_no_count(value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        count("Conv2d", "groups", value)
    assert str(caught.value) == f"Conv2d: groups is {value!r}. Use an integer >= 1."


def test_a_count_from_another_minimum() -> None:
    assert count("Conv2d", "padding", 0, minimum=0) == 0
    with pytest.raises(ArgumentError) as caught:
        count("Conv2d", "padding", -1, minimum=0)
    assert str(caught.value) == "Conv2d: padding is -1. Use an integer >= 0."


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
