"""Which functions a shipped entry computes with, and running them with a fault in one."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, wraps
from threading import Lock
from types import CodeType, FunctionType
from typing import Any

from tests.faults.mutations import Mutant

PACKAGES = ("zoo.nn", "zoo.optim", "zoo_unet", "zoo_residual", "zoo_descent")
# They refuse what is wrong, or say where numbers lie in memory: they compute nothing.
REFUSING = {
    *("require_gradient_shape", "check_target", "empty_preserving_format", "_lay_out_state"),
    *("_differences", "_different_names", "_different_tensors"),
}


def reached(kind: type, *names: str) -> list[FunctionType]:
    """The methods of a class, and the functions of zoo and its plugins that they call."""
    found: dict[FunctionType, None] = {}
    waiting = [function for name in names if (function := _method(kind, name))]
    while waiting:
        function = waiting.pop(0)
        if function not in found:
            found[function] = None
            waiting += _called(function, kind)
    return list(found)


def _called(function: FunctionType, kind: type) -> Iterator[FunctionType]:
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))):
        callee: object = None
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if node.value.id == "self":
                callee = _method(kind, node.attr)
        elif isinstance(node, ast.Name):
            callee = function.__globals__.get(node.id)
        if (
            isinstance(callee, FunctionType)
            and callee.__module__.startswith(PACKAGES)
            and callee.__name__ not in REFUSING
            and not callee.__name__.startswith(("output_shape", "save"))
        ):
            yield callee


def _method(kind: type, name: str) -> FunctionType | None:
    found = inspect.getattr_static(kind, name, None)
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, cached_property):
        found = found.func
    found = inspect.unwrap(found) if callable(found) else None
    return found if isinstance(found, FunctionType) else None


class Planted:
    """A fault that is there while a function runs, in whatever threads."""

    def __init__(self, mutant: Mutant) -> None:
        self.function, self.faulty = mutant.function, mutant.code
        self.right: CodeType = mutant.function.__code__
        self.lock, self.inside = Lock(), 0

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            self.function.__code__ = self.faulty

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1
            if not self.inside:
                self.function.__code__ = self.right


@contextmanager
def planted(mutant: Mutant, kind: type, during: str = "") -> Iterator[None]:
    """A fault in place; with ``during`` only while that method of the class runs.

    So what ``forward`` and ``backward`` share is wrong in ``backward`` alone.
    """
    fault = Planted(mutant)
    if not during:
        with fault:
            yield
        return
    right = vars(kind)[during]
    setattr(kind, during, _within(right, fault))
    try:
        yield
    finally:
        setattr(kind, during, right)


def _within(method: Callable[..., Any], fault: Planted) -> Callable[..., Any]:
    @wraps(method)
    def run(*arguments: Any, **keywords: Any) -> Any:
        with fault:
            return method(*arguments, **keywords)

    return run
