"""Parameters of a layer, declared as the defaults of its shape rule's arguments. No torch.

::

    @zoo.layer(".average_pool:AveragePool")
    def average_pool(where, shape, size=zoo.integer(2, minimum=1, description="Of a block.")):
        ...

Each function here says what an architecture file may give, as a JSON Schema does, and the default.
:data:`REQUIRED`, which is what they have unless given, is no default: a file must give the
parameter, or the layer before does (``inferred``). ``None`` is one that may be left out and that
the shape rule then gets as None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from typing import Any, Final, ParamSpec

from zoo.errors import PluginError

REQUIRED: Final = object()
P = ParamSpec("P")


@dataclass(frozen=True)
class Parameter:
    """A parameter that an architecture file may give.

    Attributes:
        schema: what its value has to be, a JSON Schema, with ``description`` and ``default``.
        required: whether a file must give it.
        inferred: the axis of the input's shape, without the batch axis, that gives it where a file
            does not; None if there is none.
    """

    schema: Mapping[str, Any]
    required: bool
    inferred: int | None = None


def _declares(function: Callable[P, Any]) -> Callable[P, Any]:
    """The function, which says what it takes when it is called with another keyword."""
    known = list(signature(function).parameters)

    @wraps(function)
    def declare(*args: P.args, **kwargs: P.kwargs) -> Any:
        for name in kwargs:
            if name not in known:
                raise PluginError(
                    f"zoo.{function.__name__}: there is no argument {name!r}. "
                    f"Use {', '.join(known)}."
                )
        return function(*args, **kwargs)

    return declare


# They return Any, for an argument of the shape rule whose type is that of the value.


@_declares
def integer(
    default: Any = REQUIRED,
    *,
    description: str,
    minimum: int | None = None,
    maximum: int | None = None,
    inferred: int | None = None,
) -> Any:
    """An integer; ``inferred=0`` is the number of channels, where a file leaves it out."""
    limits = {"minimum": minimum, "maximum": maximum}
    return parameter(default, {"type": "integer", **_given(limits)}, description, inferred)


@_declares
def number(
    default: Any = REQUIRED,
    *,
    description: str,
    minimum: float | None = None,
    maximum: float | None = None,
    above: float | None = None,
    below: float | None = None,
) -> Any:
    """A number; ``above`` and ``below`` are limits that it may not reach."""
    limits = {"minimum": minimum, "maximum": maximum}
    limits |= {"exclusiveMinimum": above, "exclusiveMaximum": below}
    return parameter(default, {"type": "number", **_given(limits)}, description)


@_declares
def boolean(default: Any = REQUIRED, *, description: str) -> Any:
    """True or false."""
    return parameter(default, {"type": "boolean"}, description)


@_declares
def choice(*options: str, default: Any = REQUIRED, description: str) -> Any:
    """One of a few texts."""
    return parameter(default, {"enum": list(options)}, description)


@_declares
def body(*, description: str) -> Any:
    """Layers inside the layer; the shape rule gets a function from shape to ``LayerInfo``."""
    return parameter(REQUIRED, {"$ref": "urn:zoo:common#/$defs/body"}, description)


@_declares
def parameter(
    default: Any, schema: Mapping[str, Any], description: str, inferred: int | None = None
) -> Any:
    """Whatever a JSON Schema says; the others are short for this."""
    described = {**schema, "description": description}
    if default is not REQUIRED and default is not None:
        described["default"] = default
    required = default is REQUIRED and inferred is None
    return Parameter(described, required, inferred)


def _given(limits: Mapping[str, Any]) -> dict[str, Any]:
    return {keyword: limit for keyword, limit in limits.items() if limit is not None}
