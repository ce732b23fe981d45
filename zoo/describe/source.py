"""Where a factory is written and what its docstring says, found without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from importlib.util import resolve_name
from pathlib import Path

from zoo.plugins.static_source import module_spec, statements

MOST_STEPS = 20  # of re-exports; more is a circle


@dataclass(frozen=True)
class Definition:
    """A class or function in a file.

    Attributes:
        file: the file.
        line: the line of its ``class`` or ``def``, from 1.
        docstring: without the indentation it has in the file; "" where there is none.
    """

    file: Path
    line: int
    docstring: str


def find_definition(reference: str) -> Definition | None:
    """The class or function that ``"package.module:Name"`` names, None where it is not found.

    Only files are read: no module below the top package is imported, so neither is torch.
    """
    module, _, name = reference.partition(":")
    for _ in range(MOST_STEPS):
        spec = module_spec(module)
        if spec is None or spec.origin is None:
            return None
        file = Path(spec.origin)
        node = _binding(statements(file), name)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            return Definition(file, node.lineno, ast.get_docstring(node) or "")
        if isinstance(node, ast.Name):
            name = node.id
        elif isinstance(node, tuple):
            module, name = _absolute(node[0], spec), node[1]
        else:
            return None
    return None


Binding = ast.ClassDef | ast.FunctionDef | ast.Name | tuple[str, str]


def _binding(body: Iterable[ast.stmt], name: str) -> Binding | None:
    """What binds ``name`` last: a definition, another name, or (module, name) of an import."""
    found: Binding | None = None
    for statement in _flat(body):
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef)) and statement.name == name:
            found = statement
        elif isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Name):
            if any(isinstance(each, ast.Name) and each.id == name for each in statement.targets):
                found = statement.value
        elif isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                if (alias.asname or alias.name) == name:
                    found = ("." * statement.level + (statement.module or ""), alias.name)
    return found


def _flat(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under an ``if`` or ``try`` included."""
    for statement in body:
        yield statement
        if isinstance(statement, (ast.If, ast.Try)):
            yield from _flat(statement.body)
            yield from _flat(statement.orelse)


def _absolute(module: str, spec: ModuleSpec) -> str:
    """The name of a module that may be relative to the one at ``spec``."""
    return resolve_name(module, spec.parent or "") if module.startswith(".") else module
