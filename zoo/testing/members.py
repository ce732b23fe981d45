"""The methods that a contract asks for."""

from __future__ import annotations

from collections.abc import Iterable
from inspect import signature

from zoo.testing.comparisons import require

Method = tuple[str, tuple[str, ...]]


def require_methods(where: str, built: object, methods: Iterable[Method]) -> None:
    """Fail unless ``built`` has each method, and it can be called with the arguments of the names.

    Args:
        where: begins the message.
        methods: names, each with the names of what it is called with.
    """
    kind = type(built).__name__
    for name, arguments in methods:
        written = f"{name}({', '.join(arguments)})"
        method = getattr(built, name, None)
        require(callable(method), f"{where}: {kind} has no {name}. Write {written}.")
        try:
            found = signature(method)  # type: ignore[arg-type]  # it is callable
            found.bind(*arguments)
        except (TypeError, ValueError):
            require(False, f"{where}: {kind}.{name} takes {found}. It is called as {written}.")
