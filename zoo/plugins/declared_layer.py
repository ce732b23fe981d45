"""A layer's record from its shape rule: the short way to write one. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from types import ModuleType
from typing import Any

from zoo.errors import PluginError
from zoo.plugins.records import LayerEntry
from zoo.spec.layer_info import LayerInfo, ShapeRule
from zoo.spec.parameters import Parameter

Rule = Callable[..., LayerInfo | tuple[int, ...]]


@dataclass(frozen=True, kw_only=True)
class DeclaredLayer(LayerEntry):
    """A layer that is declared with :func:`layer`: its record, and its shape rule.

    Attributes:
        rule: the function that was decorated.
    """

    rule: Rule

    @property
    def package(self) -> str:
        """The top package that it is declared in."""
        return self.rule.__module__.partition(".")[0]

    def __call__(
        self, where: str, parameters: Mapping[str, Any], input_shape: Sequence[int]
    ) -> LayerInfo:
        """What the layer makes of an input of that shape."""
        given = {name: parameters.get(name) for name in self.schema["properties"]}
        info = self.rule(where, tuple(input_shape), **given)
        return info if isinstance(info, LayerInfo) else LayerInfo(info)

    def output_shape(
        self, where: str, input_shape: Sequence[int], **parameters: Any
    ) -> tuple[int, ...]:
        """The shape of the layer's output without its batch axis, for its ``output_shape``."""
        return self(where, parameters, input_shape).output_shape

    def load_shape_rule(self) -> ShapeRule:
        """This."""
        return self


def layer(
    factory: str, *, check: str = "", cases: str = "", torch_reference: str = "", onnx: str = ""
) -> Callable[[Rule], DeclaredLayer]:
    """Make a shape rule the record of its layer, which has the function's name.

    ::

        @zoo.layer(".average_pool:AveragePool")
        def average_pool(where, shape, size=zoo.integer(2, minimum=1, description="Of a block.")):
            \"\"\"Mean of each block of pixels.\"\"\"
            ...
            return channels, height // size, width // size

    In the module of a plugin's entry point nothing more is needed: zoo finds the record there. The
    function is called with how a message begins, the shape of an input without its batch axis, and
    the parameters. It returns the shape of the output, or a :class:`zoo.LayerInfo` for a layer that
    has parameters to train or where a pixel depends on more than the one in its place; and raises
    ``ShapeError`` or ``ArgumentError``. Its docstring begins with the summary.

    Args:
        factory: ``"package.module:Class"``; ``".module:Class"`` is in the function's own package,
            here and in the others.
        check, cases, torch_reference, onnx: as in :class:`zoo.LayerEntry`.

    Raises:
        PluginError: the declaration is not as described.
    """

    def declare(rule: Rule) -> DeclaredLayer:
        where = f"layer {rule.__name__!r}"
        parameters = _parameters(where, rule)
        summary = (rule.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        if not summary:
            raise PluginError(f"{where}: the shape rule has no docstring. Begin it with a summary.")
        references = {
            "factory": factory,
            "check": check,
            "cases": cases,
            "torch_reference": torch_reference,
            "onnx": onnx,
        }
        return DeclaredLayer(
            name=rule.__name__,
            schema=_schema(summary, parameters),
            summary=summary,
            inferred={
                name: item.inferred
                for name, item in parameters.items()
                if item.inferred is not None
            },
            shape_rule=f"{rule.__module__}:{rule.__qualname__}",
            rule=rule,
            **{name: _absolute(where, name, text, rule) for name, text in references.items()},
        )

    return declare


def declared_layers(plugin: object) -> list[DeclaredLayer]:
    """The layers that the module of an entry point declares itself, or imports from its package."""
    if not isinstance(plugin, ModuleType):
        return []
    package = plugin.__name__.partition(".")[0]
    return [
        item
        for name, item in vars(plugin).items()
        if type(item) is DeclaredLayer and (name, package) == (item.name, item.package)
    ]


def _parameters(where: str, rule: Rule) -> dict[str, Parameter]:
    """What the arguments of a shape rule declare, but for ``where`` and the shape."""
    arguments = list(signature(rule).parameters.values())
    if len(arguments) < 2:
        raise PluginError(
            f"{where}: the shape rule takes fewer than two arguments. Take how a message begins, "
            "the shape of an input, and the parameters."
        )
    for argument in arguments[2:]:
        if not isinstance(argument.default, Parameter):
            raise PluginError(
                f"{where}: the shape rule's argument {argument.name!r} is not declared. "
                "Give it a default such as zoo.integer(1, minimum=1, description=...)."
            )
    return {argument.name: argument.default for argument in arguments[2:]}


def _schema(summary: str, parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    return {
        "title": summary,
        "type": "object",
        "properties": {name: dict(item.schema) for name, item in parameters.items()},
        "required": [name for name, item in parameters.items() if item.required],
        "additionalProperties": False,
    }


def _absolute(where: str, field: str, reference: str, rule: Rule) -> str:
    """A reference with the package of the rule's module in front of a leading dot."""
    if not isinstance(reference, str) or not reference.startswith("."):
        return reference
    package = rule.__module__.rpartition(".")[0]
    if not package:
        raise PluginError(
            f"{where}: {field} is {reference!r}, and {rule.__module__} is in no package. "
            "Write the module's whole name."
        )
    return package + reference
