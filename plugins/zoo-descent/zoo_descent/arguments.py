"""Checks of arguments. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, isfinite
from numbers import Real
from typing import Any

from zoo.errors import ArgumentError

FURTHEST = 30  # standard deviations from the mean to the limits; float64 ends at 38


def number(where: str, name: str, value: Any, minimum: float = -inf) -> float:
    """``value`` as a float >= ``minimum``.

    Raises:
        ArgumentError: it is not one.
    """
    if is_number(value) and value >= minimum:
        return float(value)
    limit = f" >= {minimum:g}" if minimum > -inf else ""
    raise ArgumentError(f"{where}: {name} is {value!r}. Use a finite number{limit}.", name)


def positive(where: str, name: str, value: Any) -> float:
    """``value`` as a float > 0.

    Raises:
        ArgumentError: it is not one.
    """
    if is_number(value) and value > 0:
        return float(value)
    raise ArgumentError(f"{where}: {name} is {value!r}. Use a finite number > 0.", name)


def forgetting(where: str, name: str, value: Any) -> float:
    """``value`` as a float in [0, 1): the factor by which a running mean forgets.

    Raises:
        ArgumentError: it is not one.
    """
    if is_number(value) and 0 <= value < 1:
        return float(value)
    raise ArgumentError(f"{where}: {name} is {value!r}. Use a number >= 0 and < 1.", name)


def is_number(value: Any) -> bool:
    """Whether ``value`` is a finite number; a bool is none."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return isfinite(value)
    except OverflowError:  # an integer beyond the range of a float
        return False


def limits(where: str, parameters: Mapping[str, Any]) -> None:
    """``low`` is below ``high``, and the range between them not too far from ``mean``.

    Raises:
        ArgumentError: it is otherwise.
    """
    low, high = parameters["low"], parameters["high"]
    mean, std = parameters["mean"], parameters["std"]
    if low >= high:
        raise ArgumentError(f"{where}: low is {low!r} and high is {high!r}. Use low < high.", "low")
    if max(low - mean, mean - high) > FURTHEST * std:
        raise ArgumentError(
            f"{where}: the values from {low!r} to {high!r} are more than {FURTHEST} standard "
            f"deviations of {std!r} from the mean {mean!r}. Use limits that are nearer."
        )
