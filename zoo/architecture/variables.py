"""Putting values in the place of ``{ var = "NAME" }``.

``{ var = "NAME", times = 4 }`` stands for four times an integer. Beside those of ``[vars]`` there
are variables of the ``[input]``: ``input.channels``, ``input.height`` and ``input.width``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace

from zoo.architecture.document import UNKNOWN, Node
from zoo.architecture.overrides import Override
from zoo.architecture.problems import Problems, did_you_mean, listed
from zoo.errors import Problem, format_value
from zoo.spec.schemas import read_schema

LARGEST = 2**63 - 1  # of TOML's integers
# What stands for a variable elsewhere, "$width" or "{{ vars.width }}", and a name alone.
MEANT = re.compile(r"(\$?\{{0,2})\s?(?:vars?\.)?([A-Za-z_]\w{0,63})\s?\}{0,2}")
FORMS: tuple[Set[str], ...] = ({"var"}, {"var", "times"})


@dataclass(frozen=True)
class Scope:
    """The variables that can be named somewhere.

    Attributes:
        values: each variable's value.
        problems: where what is wrong is added.
        complete: whether a name that is not there is a problem; else its value is unknown.
        of_input: names of the variables of ``[input]``, which may have no value.
    """

    values: Mapping[str, Node]
    problems: Problems
    complete: bool = True
    of_input: Set[str] = frozenset()

    def inside(self, values: Mapping[str, Node]) -> Scope:
        """The scope with the values that a block is given."""
        return replace(self, values={**self.values, **values})

    def with_input(self, table: Mapping[str, Node]) -> Scope:
        """The scope with the sizes in an ``[input]`` without variables.

        Those that are missing or wrong are unknown: the check of the document reports them.
        """
        names = read_schema("architecture.json")["properties"]["input"]["properties"]
        sizes = {
            f"input.{key}": table[key]
            for key in names
            if key in table and _is_size(table[key].value)
        }
        of_input = {f"input.{key}" for key in names}
        return replace(self, values={**sizes, **self.values}, of_input=of_input)

    def resolved(self, node: Node) -> Node:
        """``node`` with a value in the place of each variable, ``UNKNOWN`` where there is none."""
        if is_variable(node):
            return self._value(node)
        if isinstance(node.value, Mapping):
            children = {key: self.resolved(child) for key, child in node.value.items()}
            return Node(children, node.location, node.key)
        if isinstance(node.value, list):
            return Node([self.resolved(child) for child in node.value], node.location, node.key)
        return node

    def _value(self, node: Node) -> Node:
        written = node.table["var"]
        name = written.value
        if not isinstance(name, str):
            message = f"is {format_value(written.plain())}. Use the name of a variable, in quotes."
            self.problems.append(written.location.problem(message))
        elif name in self.values:
            value = replace(self.values[name].used_by(node.location), key=node.key)
            return self._multiplied(value, node) if "times" in node.table else value
        elif self.complete and name not in self.of_input:
            own = self.values.keys() - self.of_input
            known = listed("Variables", own)
            message = f"is {format_value(name)}, which is not in [vars]. {known}"
            like = self.of_input if name.startswith("input.") else own
            hint = did_you_mean(name, sorted(like), quoted=True)
            self.problems.append(written.location.problem(message, hint))
        return Node(UNKNOWN, node.location, node.key)

    def _multiplied(self, value: Node, node: Node) -> Node:
        """The value so many times as ``node`` says; integers alone can be multiplied."""
        written = node.table["times"]
        times, number = written.value, value.value
        if number is UNKNOWN:
            return value
        if not _is_size(times):
            message = f"is {format_value(written.plain())}. Use an integer >= 1."
        elif type(number) is not int:
            message = f"multiplies {format_value(value.plain())}. Use it with an integer."
        elif abs(number * times) > LARGEST:
            message = f"makes {number} an integer of more than 64 bits. Use a smaller one."
        else:
            return replace(value, value=number * times)
        self.problems.append(written.location.problem(message))
        return Node(UNKNOWN, node.location, node.key)


def top_scope(variables: Node | None) -> Scope:
    """The scope of a document's ``[vars]``, whose values may not be variables themselves."""
    problems = Problems()
    if variables is None:
        return Scope({}, problems)
    if not isinstance(variables.value, Mapping):
        message = f"is {format_value(variables.plain())}. Use a table of names and values."
        problems.append(variables.location.problem(message))
        return Scope({}, problems, complete=False)
    values = dict(variables.table)
    for name, node in variables.table.items():
        if used_in(node):
            problems.append(node.location.problem("refers to a variable. Use a value."))
            values[name] = Node(UNKNOWN, node.location, node.key)
    return Scope(values, problems)


def meant_variables(
    problems: Iterable[Problem], document: Node, variables: Node | None
) -> Iterator[Problem]:
    """The problems, with how a variable is written where one was meant.

    Args:
        problems: of a file.
        document: of which, with variables and blocks put in place.
        variables: its ``[vars]``.
    """
    names = variables.table if variables else {}
    for problem in problems:
        node = document.nearest(problem.path)
        found = isinstance(node.value, str) and MEANT.fullmatch(node.value)
        if found and not problem.hint and (found[1] or found[2] in names):
            yield replace(problem, hint=f'A variable is written {{ var = "{found[2]}" }}.')
        else:
            yield problem


def used_in(node: Node) -> set[str]:
    """The names of all variables in ``node``."""
    if is_variable(node):
        name = node.table["var"].plain()
        return {name if isinstance(name, str) else format_value(name)}
    parts = [*node.table.values(), *node.items]
    return {name for part in parts for name in used_in(part)}


def unused_variables(document: Node, overrides: Iterable[Override], file: str) -> Iterator[Problem]:
    """A problem for each override of a variable that nothing in the document uses."""
    rest = {key: node for key, node in document.table.items() if key != "vars"}
    used = used_in(Node(rest, document.location))
    own = document.table["vars"].table.keys() & used if "vars" in document.table else set()
    for override in overrides:
        if override.path[:1] != ("vars",) or len(override.path) == 1 or override.path[1] in used:
            continue
        known = listed("Its variables", own) if own else "It has none."
        message = f"is a variable that nothing in {file} uses. {known}"
        yield override.location.problem(message, did_you_mean(override.path[1], own))


def is_variable(node: Node) -> bool:
    """Whether it is a table of the form ``{ var = ... }`` or ``{ var = ..., times = ... }``."""
    return node.table.keys() in FORMS


def _is_size(value: object) -> bool:
    return type(value) is int and value >= 1
