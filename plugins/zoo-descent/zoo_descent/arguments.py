"""Checks of arguments that zoo has none for. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from zoo.errors import ArgumentError
from zoo.spec.arguments import is_number

FURTHEST = 30  # standard deviations from the mean to the limits; float64 ends at 38


def forgetting(where: str, name: str, value: Any) -> float:
    """``value`` as a float in [0, 1): the factor by which a running mean forgets.

    Raises:
        ArgumentError: it is not one.
    """
    if is_number(value, minimum=0) and float(value) < 1:
        return float(value)
    raise ArgumentError(f"{where}: {name} is {value!r}. Use a number >= 0 and < 1.", name)


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
