"""Where a factory is written and what its docstring says, found without importing it."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, resolve_name
from pathlib import Path

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
        spec = _spec(module)
        if spec is None or spec.origin is None:
            return None
        file = Path(spec.origin)
        node = _binding(_statements(file), name)
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            return Definition(file, node.lineno, ast.get_docstring(node) or "")
        if isinstance(node, ast.Name):
            name = node.id
        elif isinstance(node, tuple):
            module, name = _absolute(node[0], spec), node[1]
        else:
            return None
    return None


def _spec(module: str) -> ModuleSpec | None:
    """Where a module is; like ``find_spec``, which imports the packages that it is in."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
        for depth in range(len(rest)):
            if spec is None:
                return None
            name = ".".join([top, *rest[: depth + 1]])
            spec = PathFinder.find_spec(name, spec.submodule_search_locations or [])
    except (ImportError, ValueError):  # no such module, or one that was made without a file
        return None
    return spec


def _statements(file: Path) -> Sequence[ast.stmt]:
    try:
        with tokenize.open(file) as stream:
            return ast.parse(stream.read()).body
    except (OSError, SyntaxError, ValueError):  # no Python file: an extension module, say
        return ()


Binding = ast.ClassDef | ast.FunctionDef | ast.Name | tuple[str, str]


def _binding(statements: Iterable[ast.stmt], name: str) -> Binding | None:
    """What binds ``name`` last: a definition, another name, or (module, name) of an import."""
    found: Binding | None = None
    for statement in _flat(statements):
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


def _flat(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module, those under an ``if`` or ``try`` included."""
    for statement in statements:
        yield statement
        if isinstance(statement, (ast.If, ast.Try)):
            yield from _flat(statement.body)
            yield from _flat(statement.orelse)


def _absolute(module: str, spec: ModuleSpec) -> str:
    """The name of a module that may be relative to the one at ``spec``."""
    return resolve_name(module, spec.parent or "") if module.startswith(".") else module
