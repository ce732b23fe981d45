"""Checks of arguments, shared by layers, initializers, optimizers, schedules and noises."""

from __future__ import annotations

from math import inf, isfinite
from numbers import Real
from operator import index
from typing import Any

from zoo.errors import ArgumentError
from zoo.shapes import Pair


def count(layer: str, name: str, value: Any, minimum: int = 1) -> int:
    """``value`` as an integer >= ``minimum``.

    Raises:
        ArgumentError: it is not one.
    """
    number = _integer(value)
    if number is None or number < minimum:
        raise ArgumentError(f"{layer}: {name} is {value!r}. Use an integer >= {minimum}.")
    return number


def pair(layer: str, name: str, value: Any, minimum: int = 1) -> Pair:
    """``value``, an integer or a pair of integers >= ``minimum``, as a pair.

    Raises:
        ArgumentError: it is neither.
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    numbers = [_integer(item) for item in values]
    if len(numbers) == 2:
        first, second = numbers
        if first is not None and second is not None and min(first, second) >= minimum:
            return first, second
    raise ArgumentError(
        f"{layer}: {name} is {value!r}. Use an integer >= {minimum} or a pair of them."
    )


def number(where: str, name: str, value: Any, minimum: float = -inf, maximum: float = inf) -> float:
    """``value`` as a float; both limits are allowed values.

    Raises:
        ArgumentError: it is not a finite number, or outside the limits.
    """
    if is_number(value, minimum, maximum):
        return float(value)
    allowed = "a finite number"
    if minimum > -inf and maximum < inf:
        allowed += f" from {minimum:g} to {maximum:g}"
    elif minimum > -inf:
        allowed += f" >= {minimum:g}"
    elif maximum < inf:
        allowed += f" <= {maximum:g}"
    raise ArgumentError(f"{where}: {name} is {value!r}. Use {allowed}.")


def is_number(value: Any, minimum: float = -inf, maximum: float = inf) -> bool:
    """Whether ``value`` is a finite number within the limits; a bool is not a number."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        converted = float(value)
    except OverflowError:  # an integer beyond the range of a float
        return False
    return isfinite(converted) and minimum <= converted <= maximum


def _integer(value: Any) -> int | None:
    """``value`` as an int; None for anything that is not a whole number type, and for bool."""
    if isinstance(value, bool):
        return None
    try:
        return index(value)
    except TypeError:
        return None
