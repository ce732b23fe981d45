"""What a plan varies: settings written out, a grid of values, and random draws."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from zoo.architecture.document import Node
from zoo.architecture.overrides import Override
from zoo.architecture.problems import schema_problems
from zoo.errors import ArchitectureError, Problem, format_path, format_value
from zoo.sweep.values import leaves_of, override_of, refuse_replaced, set_values

DIGITS = 4  # of a number that is drawn
RANGE: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["low", "high"],
    "x-zoo-words": "a list of values or a table with 'low' and 'high'",
    "properties": {
        "low": {"type": "number"},
        "high": {"type": "number"},
        "log": {"type": "boolean"},
        "integer": {"type": "boolean"},
    },
}


@dataclass(frozen=True)
class Choice:
    """One of the things that an axis can be.

    Attributes:
        name: as the plan has it; "" for one that is called by its values.
        values: what it puts into the architecture.
    """

    name: str
    values: tuple[Override, ...]


Axis = tuple[Choice, ...]


def settings_axis(settings: Node) -> Axis:
    """The settings that are written out.

    Raises:
        ArchitectureError: two have the same name, or one has a wrong key.
    """
    choices: list[Choice] = []
    for node in settings.items:
        name = str(node.table["name"].value)
        if name in (choice.name for choice in choices):
            message = f"is {format_value(name)}, as of a setting before. Use another."
            raise ArchitectureError([node.table["name"].location.problem(message)])
        choices.append(Choice(name, set_values(node.table.get("set", Node({}, node.location)))))
    return tuple(choices)


def grid_axes(grid: Node) -> Iterator[Axis]:
    """An axis for each key of a grid.

    Raises:
        ArchitectureError: a value is no list, or an empty one, or a key is wrong.
    """
    for path, node in leaves_of(grid, lambda it: not it.table):
        yield tuple(Choice("", (value,)) for value in _listed(path, node))


def refuse_conflicts(axes: Sequence[Axis]) -> None:
    """Refuse an axis with a value that replaces one of another.

    Raises:
        ArchitectureError: there is one.
    """
    refuse_replaced([value for choice in axis for value in choice.values] for axis in axes)


def random_axis(random: Node, count: int, seed: int) -> Axis:
    """Settings that are drawn: the first of them are the same however many there are.

    Args:
        random: what they are drawn from.
        count: how many.
        seed: of the draws.

    Raises:
        ArchitectureError: what one is drawn from is wrong.
    """
    leaves = list(leaves_of(random, lambda it: not it.table or bool({"low", "high"} & {*it.table})))
    problems = [problem for path, node in leaves for problem in _range_problems(path, node)]
    if problems:
        raise ArchitectureError(problems)
    refuse_replaced([override_of(path, node)] for path, node in leaves)
    drawn = []
    for number in range(count):
        generator = Random(f"{seed} {number}")
        drawn.append(Choice("", tuple(_draw(path, node, generator) for path, node in leaves)))
    return tuple({str([it.value for it in choice.values]): choice for choice in drawn}.values())


def short_names(axes: Sequence[Axis]) -> dict[tuple[str, ...], str]:
    """What each key that varies is called: its last parts, as many as tell it from the others."""
    paths = list(dict.fromkeys(value.path for axis in axes for it in axis for value in it.values))
    names = {path: path[-1:] for path in paths}
    for length in range(1, max(map(len, paths), default=0)):
        counts = Counter(names.values())
        names = {
            path: path[-length - 1 :] if counts[name] > 1 else name for path, name in names.items()
        }
    return {path: format_path(name) for path, name in names.items()}


def label_of(choices: Iterable[Choice], names: dict[tuple[str, ...], str]) -> str:
    """What a setting is called: ``Adam, batch_size = 10``."""
    parts = []
    for choice in choices:
        values = (f"{names[it.path]} = {format_value(it.value)}" for it in choice.values)
        parts.append(choice.name or ", ".join(values))
    return ", ".join(parts)


def _listed(path: tuple[str, ...], node: Node) -> list[Override]:
    """The values of a list, each where it is written."""
    if not node.items:
        message = f"is {format_value(node.plain())}. Use a list of one or more values."
        raise ArchitectureError([replace(node.location, path=path).problem(message)])
    return [override_of(path, item) for item in node.items]


def _range_problems(path: tuple[str, ...], node: Node) -> Iterator[Problem]:
    """What is wrong with what a value is drawn from."""
    if node.items:
        return
    found = [problem for _, problem in schema_problems(node, RANGE)]
    yield from found
    if found:
        return
    low, high = (node.table[key].plain() for key in ("low", "high"))
    location = replace(node.location, path=path)
    ends = f"low is {format_value(low)}, high {format_value(high)}."
    if not low < high:
        yield location.problem(f"{ends} Use a low that is less than high.")
    elif not _is_finite(low, high):
        yield location.problem(f"{ends} Use two that are less than 1e308 apart.")
    elif low <= 0 and _is_set(node, "log"):
        yield location.problem(f"low is {low}. Use one > 0 with log = true.")
    elif _is_set(node, "integer") and math.ceil(low) > math.floor(high):
        yield location.problem(f"{ends} Use two with an integer between them.")


def _is_finite(low: float, high: float) -> bool:
    """Whether two numbers and their difference are floats."""
    try:
        return math.isfinite(float(high) - float(low))
    except OverflowError:
        return False


def _draw(path: tuple[str, ...], node: Node, generator: Random) -> Override:
    if node.items:
        chosen = node.items[generator.randrange(len(node.items))]
        return override_of(path, chosen)
    low, high = (float(node.table[key].plain()) for key in ("low", "high"))
    if _is_set(node, "log"):
        drawn = math.exp(generator.uniform(math.log(low), math.log(high)))
    else:
        drawn = generator.uniform(low, high)
    value: float
    if _is_set(node, "integer"):
        value = min(max(round(drawn), math.ceil(low)), math.floor(high))
    else:
        value = min(max(float(f"{drawn:.{DIGITS}g}"), low), high)
    return Override(path, value, replace(node.location, path=path))


def _is_set(node: Node, key: str) -> bool:
    return key in node.table and node.table[key].plain() is True
