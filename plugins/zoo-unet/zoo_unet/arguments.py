"""Checks of arguments that the layers and their shape rules share. No torch."""

from __future__ import annotations

from math import isfinite, nan
from numbers import Real
from operator import index
from typing import Any

from zoo.errors import ArgumentError

Pair = tuple[int, int]


def pair(where: str, name: str, value: Any, minimum: int = 1) -> Pair:
    """``value``, an integer or a pair of integers >= ``minimum``, as a pair.

    Raises:
        ArgumentError: it is neither.
    """
    values = value if isinstance(value, (tuple, list)) else (value, value)
    if len(values) == 2 and all(map(_is_integer, values)):
        first, second = map(index, values)
        if min(first, second) >= minimum:
            return first, second
    raise ArgumentError(
        f"{where}: {name} is {value!r}. Use an integer >= {minimum} or a pair of them.", name
    )


def number(where: str, name: str, value: Any) -> float:
    """``value`` as a finite float.

    Raises:
        ArgumentError: it is not one.
    """
    try:
        converted = nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):  # an integer may be beyond the range of a float
        converted = nan
    if isinstance(value, Real) and isfinite(converted):
        return converted
    raise ArgumentError(f"{where}: {name} is {value!r}. Use a finite number.", name)


def _is_integer(value: Any) -> bool:
    return hasattr(value, "__index__") and not isinstance(value, bool)
