"""The values in a plan that are put into an architecture, by their dotted keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from zoo.architecture.document import Node
from zoo.architecture.overrides import Override, key_path
from zoo.errors import ArchitectureError, Problem, format_path

SEED = ("train", "seed")
Leaf = tuple[tuple[str, ...], Node]


def set_values(table: Node) -> tuple[Override, ...]:
    """The values of a ``set``; a table without a ``type`` is gone into, as in ``extends``.

    Raises:
        ArchitectureError: a key that is none, or that cannot be set here.
    """
    leaves = leaves_of(table, lambda node: not node.table or bool({"type", "var"} & {*node.table}))
    values = tuple(override_of(path, node) for path, node in leaves)
    refuse_replaced([[value] for value in values])
    return values


def refuse_replaced(groups: Iterable[Iterable[Override]]) -> None:
    """Refuse a value that replaces one of another group: one of the two would do nothing.

    Args:
        groups: values in the order in which a setting has one group's after another's.

    Raises:
        ArchitectureError: there is one; where it is written.
    """
    firsts = [{value.path: value for value in reversed([*group])} for group in groups]
    once = [(number, value) for number, group in enumerate(firsts) for value in group.values()]
    once.sort(key=lambda it: it[1].path[-1] != "type")  # as they are put into the architecture
    problems = []
    before: dict[tuple[str, ...], tuple[int, Override]] = {}
    for number, value in once:
        other_number, other = before.get(value.path, (number, value))
        if other_number != number:
            late = value if number > other_number else other
            early = other if late is value else value
            same = late.path == early.path
            what = "is also written" if same else f"cannot go with {format_path(early.path)}"
            message = f"{what} in line {early.location.line}. Leave one out."
            problems.append(late.location.problem(message))
        for length in range(1, len(value.path) + 1):
            before.setdefault(value.path[:length], (number, value))
    if problems:
        raise ArchitectureError(problems)


def leaves_of(
    table: Node, is_leaf: Callable[[Node], bool], above: tuple[str, ...] = ()
) -> Iterator[Leaf]:
    """The values in a table of dotted keys and of tables, each with its path.

    Args:
        table: the table.
        is_leaf: whether a node is a value, and not a table to go into.
        above: the path of the table.

    Raises:
        ArchitectureError: a key that is none, or that cannot be set here.
    """
    for key, node in table.table.items():
        location = node.key or node.location
        below = key_path(key, location)
        if isinstance(below, Problem):
            raise ArchitectureError([below])
        path = (*above, *below)
        if path == SEED:
            message = "cannot be set here. Write seeds = [0, 1, 2]."
            raise ArchitectureError([replace(location, path=path).problem(message)])
        if is_leaf(node):
            yield path, node
        else:
            yield from leaves_of(node, is_leaf, path)


def override_of(path: tuple[str, ...], node: Node) -> Override:
    """The override of a value, whose mistakes are reported where the plan has it."""
    return Override(path, node.plain(), replace(node.location, path=path))
