"""Checks of arguments, shared by layers, initializers, optimizers, schedules and noises.

They are also for plugins. ``where`` and ``layer`` are how a message starts.
"""

from __future__ import annotations

from math import inf, isfinite
from numbers import Real
from operator import index
from typing import Any

from zoo.errors import ArgumentError
from zoo.spec.shapes import Pair, Sides, window


def positive_int(layer: str, name: str, value: Any) -> int:
    """``value`` as an integer >= 1.

    Raises:
        ArgumentError: it is not one.
    """
    number = _integer(value)
    if number is None or number < 1:
        raise ArgumentError(f"{layer}: {name} is {value!r}. Use an integer >= 1.", name)
    return number


def pair(layer: str, name: str, value: Any, minimum: int = 1) -> Pair:
    """``value``, an integer or a pair of integers >= ``minimum``, as a pair.

    Raises:
        ArgumentError: it is neither.
    """
    values = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    numbers = [_integer(number) for number in values]
    if len(numbers) == 2:
        first, second = numbers
        if first is not None and second is not None and min(first, second) >= minimum:
            return first, second
    raise ArgumentError(
        f"{layer}: {name} is {value!r}. Use an integer >= {minimum} or a pair of them.", name
    )


def divisor(layer: str, groups: Any, in_channels: int, out_channels: int) -> int:
    """``groups`` as an integer that divides both channel counts.

    Raises:
        ArgumentError: it is not one.
    """
    number = positive_int(layer, "groups", groups)
    if in_channels % number or out_channels % number:
        raise ArgumentError(
            f"{layer}: groups is {number} with {in_channels} input and {out_channels} output "
            "channels. Use a divisor of both.",
            "groups",
        )
    return number


def sides(layer: str, padding: Any, kernel: Pair, stride: Pair, dilation: Pair) -> Sides:
    """The zero pixels that a convolution's ``padding`` adds on the top, bottom, left and right.

    Args:
        padding: an integer or a pair for both sides of each axis; ``"valid"`` for none;
            ``"same"`` for an output of the input's size, an odd total with the extra pixel at the
            bottom or right.

    Raises:
        ArgumentError: it is none of these, or ``"same"`` with a stride.
    """
    if padding == "valid":
        return 0, 0, 0, 0
    if padding == "same":
        if stride != (1, 1):
            raise ArgumentError(
                f"{layer}: padding is 'same' with stride {stride}. Use stride 1.", "padding"
            )
        vertical, horizontal = (span - 1 for span in window(kernel, dilation))
        top, left = vertical // 2, horizontal // 2
        return top, vertical - top, left, horizontal - left
    if isinstance(padding, str):
        raise ArgumentError(
            f"{layer}: padding is {padding!r}. Use 'same', 'valid', an integer >= 0 or a pair.",
            "padding",
        )
    vertical, horizontal = pair(layer, "padding", padding, minimum=0)
    return vertical, vertical, horizontal, horizontal


def end_padding(layer: str, value: Any, stride: Pair, dilation: Pair) -> Pair:
    """A transposed convolution's ``output_padding`` as a pair.

    Raises:
        ArgumentError: it is not an integer >= 0 or a pair of them, less than stride or dilation.
    """
    numbers = pair(layer, "output_padding", value, minimum=0)
    if any(numbers[axis] >= max(stride[axis], dilation[axis]) for axis in (0, 1)):
        raise ArgumentError(
            f"{layer}: output_padding is {numbers} with stride {stride} and dilation {dilation}. "
            "Use less than one of the two on each axis.",
            "output_padding",
        )
    return numbers


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
    raise ArgumentError(f"{where}: {name} is {value!r}. Use {allowed}.", name)


def positive(where: str, name: str, value: Any) -> float:
    """``value`` as a float > 0.

    Raises:
        ArgumentError: it is not a finite number > 0.
    """
    if is_number(value) and float(value) > 0:
        return float(value)
    raise ArgumentError(f"{where}: {name} is {value!r}. Use a finite number > 0.", name)


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
