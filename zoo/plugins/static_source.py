"""Reading modules without importing them: what a plugin's file says before it runs."""

from __future__ import annotations

import ast
import tokenize
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path


def module_spec(module: str) -> ModuleSpec | None:
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


def statements(file: Path) -> Sequence[ast.stmt]:
    """The statements of a Python file; none where it is not one."""
    try:
        with tokenize.open(file) as stream:
            return ast.parse(stream.read()).body
    except (OSError, SyntaxError, ValueError):  # no Python file: an extension module, say
        return ()


def constant(module: str, name: str) -> object:
    """The value of a constant that a module gives a literal; None where it has none."""
    spec = module_spec(module)
    body = statements(Path(spec.origin)) if spec is not None and spec.origin else ()
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        if isinstance(statement, ast.AnnAssign):
            targets = [statement.target]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = statement.value if isinstance(statement, (ast.Assign, ast.AnnAssign)) else None
            return _literal(value)
    return None


def _literal(value: ast.expr | None) -> object:
    try:
        return None if value is None else ast.literal_eval(value)
    except ValueError:
        return None
