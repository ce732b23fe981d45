"""Values out of JSON that may be from anybody: each of the type that is wanted, or nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from zoo.errors import printable, shorten
from zoo.report.scales import short

LONGEST = 300  # characters of a text
DEEPEST = 50  # tables and lists in each other; those of networks are far below
LARGEST, SMALLEST = 1e100, 1e-100  # magnitudes, whose squares are numbers


def number(value: Any) -> float:
    """The number, 0 for next to nothing; NaN for anything else, and for what is no figure."""
    if type(value) is float or (type(value) is int and abs(value) < 2**63):
        if abs(value) >= LARGEST:
            return math.nan
        return float(value) if abs(value) >= SMALLEST else 0.0
    return math.nan


def numbers(value: Any, most: int) -> tuple[float, ...]:
    """The numbers of a list, the first ``most``; NaN where one is none."""
    return tuple(number(item) for item in items(value, most))


def count(value: Any) -> int:
    """The whole number from 0; 0 for anything else."""
    return value if type(value) is int and 0 <= value < 2**53 else 0


def text(value: Any, longest: int = LONGEST) -> str:
    """The text, printable and not long; "" for anything else."""
    return printable(shorten(value, longest)) if type(value) is str else ""


def items(value: Any, most: int) -> Sequence[Any]:
    """The first items of a list; none of anything else."""
    return value[:most] if isinstance(value, list) else ()


def table(value: Any) -> Mapping[str, Any]:
    """The table; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def is_shallow(value: Any) -> bool:
    """Whether tables and lists in it are no deeper in each other than :data:`DEEPEST`."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            item
            for outer in level
            if isinstance(outer, (dict, list))
            for item in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return True
    return False


def at(value: Any, *keys: str) -> Any:
    """What a table of tables has; None where one of the keys is missing."""
    for key in keys:
        value = table(value).get(key)
    return value


def in_words(value: Any, *, ranges: bool = False) -> str:
    """A value of a file as words: ``adam (lr 0.001, betas [0.9, 0.999])``.

    Args:
        value: of any kind.
        ranges: whether two numbers are the ends of a range, ``0 to 50``, as of a noise.
    """
    if isinstance(value, dict):
        rest = ", ".join(
            f"{text(key, 60).replace('_', ' ')} {in_words(item, ranges=ranges)}"
            for key, item in islice(value.items(), 12)
            if key != "type"
        )
        kind = text(value.get("type"), 60)
        return f"{kind} ({rest})" if kind and rest else kind or rest
    if isinstance(value, list):
        said = [in_words(item, ranges=ranges) for item in value[:8]]
        return " to ".join(said) if ranges and len(said) == 2 else f"[{', '.join(said)}]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if type(value) in (int, float):
        return short(number(value), 6)
    return text(value) or printable(str(value)[:60])
