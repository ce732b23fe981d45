"""Putting values in the place of ``{ var = "NAME" }``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from zoo.architecture.document import UNKNOWN, Node
from zoo.architecture.problems import Problems, did_you_mean, listed
from zoo.errors import format_value


@dataclass(frozen=True)
class Scope:
    """The variables that can be named somewhere.

    Attributes:
        values: each variable's value.
        problems: where what is wrong is added.
        complete: whether a name that is not there is a problem; else its value is unknown.
    """

    values: Mapping[str, Node]
    problems: Problems
    complete: bool = True

    def inside(self, values: Mapping[str, Node]) -> Scope:
        """The scope with the values that a block is given."""
        return Scope({**self.values, **values}, self.problems, self.complete)

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
            return replace(self.values[name].used_by(node.location), key=node.key)
        elif self.complete:
            known = listed("Variables", self.values)
            message = f"is {format_value(name)}, which is not in [vars]. {known}"
            hint = did_you_mean(name, self.values, quoted=True)
            self.problems.append(written.location.problem(message, hint))
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


def used_in(node: Node) -> set[str]:
    """The names of all variables in ``node``."""
    if is_variable(node):
        name = node.table["var"].plain()
        return {name if isinstance(name, str) else format_value(name)}
    parts = [*node.table.values(), *node.items]
    return {name for part in parts for name in used_in(part)}


def is_variable(node: Node) -> bool:
    """Whether it is a table of the form ``{ var = ... }``."""
    return set(node.table) == {"var"}
