"""Checks of numeric arguments, shared by initializers, optimizers and schedules."""

from __future__ import annotations

from math import inf, isfinite
from numbers import Real
from typing import Any

from zoo.errors import ArgumentError


def number(where: str, name: str, value: Any, minimum: float = -inf, maximum: float = inf) -> float:
    """``value`` as a float; both limits are allowed values.

    Raises:
        ArgumentError: it is not a finite number, or outside the limits.
    """
    if is_number(value, minimum, maximum):
        return float(value)
    allowed = "a finite number"
    if minimum > -inf:
        allowed += f" >= {minimum:g}" if maximum == inf else f" from {minimum:g} to {maximum:g}"
    raise ArgumentError(f"{where}: {name} is {value!r}. Use {allowed}.")


def is_number(value: Any, minimum: float = -inf, maximum: float = inf) -> bool:
    """Whether ``value`` is a finite number within the limits; a bool is not a number."""
    return (
        isinstance(value, Real)
        and not isinstance(value, bool)
        and isfinite(value)
        and minimum <= float(value) <= maximum
    )
