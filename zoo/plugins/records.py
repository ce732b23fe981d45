"""The records a plugin's hooks return: what a file can name, and who builds it.

A record names its factory as a string, ``"package.module:Class"``, which is imported only when an
architecture that uses it is compiled. So listing, checking and completing need no torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from zoo.errors import PluginError, shorten
from zoo.plugins.object_reference import REFERENCE, import_attribute, import_callable
from zoo.plugins.schema_lint import lint
from zoo.spec.layer_info import ShapeRule

NAME = re.compile(r"[a-z][a-z0-9_]{0,199}")
LONGEST = 200  # characters of a name or a summary
BLOCK = "block"  # the type of a layer that stands for the layers of a named block


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that can be written in an architecture file under its ``type`` key.

    Attributes:
        name: the value of ``type``: lower-case letters, digits and underscores.
        factory: ``"package.module:Class"``, called with the table's parameters as keywords. If it
            has a parameter ``generator`` it is also given the run's ``torch.Generator``.
        schema: JSON Schema (draft 2020-12) of the parameters: a closed object whose ``default``
            values are those of the factory's signature, each property with a ``description``, of
            the keywords that :mod:`zoo.plugins.schema_lint` knows.
        summary: one line for listings.
        check: ``"package.module:function"`` of a function ``check(where, parameters)`` that raises
            :class:`zoo.errors.ArgumentError` for parameters that do not go together, which a schema
            cannot say; it imports no torch. Empty where there is nothing to say.
        cases: ``"package.module:CASES"`` of a sequence of :class:`zoo.testing.Case`: what
            ``zoo plugin check`` tries the entry with, beside what it makes up from the schema. Only
            that command imports it.

    Raises:
        PluginError: a field is not as described.
    """

    kind: ClassVar[str]
    hook: ClassVar[str]

    name: str
    factory: str
    schema: Mapping[str, Any]
    summary: str
    check: str = ""
    cases: str = ""

    def __post_init__(self) -> None:
        where = f"{self.kind} {shorten(repr(self.name))}"
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise PluginError(
                f"{where}: not a usable name. Use lower-case letters, digits and underscores."
            )
        self._check_reference("factory", self.factory, "package.module:Class")
        if self.check != "":
            self._check_reference("check", self.check, "package.module:function")
        if self.cases != "":
            self._check_reference("cases", self.cases, "package.module:CASES")
        summary = self.summary
        if not isinstance(summary, str) or not 0 < len(summary) <= LONGEST or "\n" in summary:
            shown = shorten(repr(summary))
            raise PluginError(f"{where}: summary is {shown}. Write one line of text.")
        self._check_schema(where)

    def _check_reference(self, field: str, value: Any, form: str) -> None:
        if not isinstance(value, str) or not REFERENCE.fullmatch(value):
            raise PluginError(
                f"{self.kind} {self.name!r}: {field} is {value!r}. Write it as {form!r}."
            )

    def _check_schema(self, where: str) -> None:
        if not isinstance(self.schema, Mapping) or self.schema.get("type") != "object":
            raise PluginError(f"{where}: schema is not that of an object. Set 'type' to 'object'.")
        if self.schema.get("additionalProperties") is not False:
            raise PluginError(
                f"{where}: schema accepts unknown keys. Set 'additionalProperties' to false."
            )
        for problem in lint(self.schema, f"{where}: schema"):
            raise PluginError(problem)
        if "type" in self.schema.get("properties", {}):
            raise PluginError(
                f"{where}: schema has a property 'type', which selects the entry. Rename it."
            )

    def load(self) -> Callable[..., Any]:
        """Import and return the factory.

        Raises:
            PluginError: the module or the name in it cannot be imported.
        """
        return self._import(self.factory)

    def load_check(self) -> Callable[[str, Mapping[str, Any]], None] | None:
        """Import and return ``check``, None where there is none; raises as ``load``."""
        return self._import(self.check) if self.check else None

    def load_cases(self) -> Any:
        """Import and return ``cases``, () where there are none; raises as ``load``."""
        return self._attribute(self.cases) if self.cases else ()

    def _import(self, reference: str) -> Callable[..., Any]:
        return import_callable(f"{self.kind} {self.name!r}", reference)

    def _attribute(self, reference: str) -> Any:
        return import_attribute(f"{self.kind} {self.name!r}", reference)


@dataclass(frozen=True, kw_only=True)
class ReferencedEntry(Entry):
    """An entry that may have a torch reference: the same in torch, to be compared with.

    Attributes:
        torch_reference: ``"package.module:function"`` of a function that is given what the factory
            has built, and what is said below, and returns the same in torch. Only ``zoo bench`` and
            the conformance kit import it, so it may import ``torch.nn``. Empty where torch has
            nothing alike.
    """

    torch_reference: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.torch_reference != "":
            self._check_reference(
                "torch_reference", self.torch_reference, "package.module:function"
            )

    def load_torch_reference(self) -> Callable[..., Any] | None:
        """Import and return ``torch_reference``, None where there is none; raises as ``load``."""
        return self._import(self.torch_reference) if self.torch_reference else None


@dataclass(frozen=True, kw_only=True)
class LayerEntry(ReferencedEntry):
    """A layer: the factory builds a :class:`zoo.nn.Module`.

    Attributes:
        inferred: parameters that may be left out, each with the axis of the input shape (without
            the batch axis) that gives it: ``{"in_channels": 0}`` for a layer on (C, H, W).
        shape_rule: ``"package.module:function"`` of a function
            ``rule(where, parameters, input_shape) -> zoo.LayerInfo`` that says what the layer makes
            of an input of that shape (:mod:`zoo.spec.shape_rules`); it imports no torch. To it a
            parameter that is a body of layers is a function from shape to ``LayerInfo``.
        torch_reference: called as ``reference(layer, reference_of)``, returns a
            ``torch.nn.Module`` with the names and shapes of the layer's state dict; its values are
            copied by the caller. A container gets the references of the modules in it with
            ``reference_of(module)``.
            ``"zoo.testing.torch_references:same_name"`` is torch.nn's layer of the class's name,
            with the arguments that the layer keeps under their names.
        onnx: ``"package.module:function"`` of a function ``write(layer, graph, x)`` that adds what
            ``forward`` computes in evaluation mode to a :class:`zoo.export.Graph`, and returns the
            name of the output. Only ``zoo export`` and the conformance kit import it. Empty where
            the layer cannot be exported.
    """

    kind: ClassVar[str] = "layer"
    hook: ClassVar[str] = "zoo_layers"

    onnx: str = ""
    inferred: Mapping[str, int] = field(default_factory=dict)
    shape_rule: str

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.name == BLOCK:
            raise PluginError(
                f"layer {self.name!r}: the name stands for a named block. Use another."
            )
        if self.onnx != "":
            self._check_reference("onnx", self.onnx, "package.module:function")
        self._check_reference("shape_rule", self.shape_rule, "package.module:function")
        for name, axis in self.inferred.items():
            if name not in self.schema.get("properties", {}) or not isinstance(axis, int):
                raise PluginError(
                    f"layer {self.name!r}: inferred has {name!r}: {axis!r}. "
                    "Give a property of the schema and an axis of the input's shape."
                )

    def load_shape_rule(self) -> ShapeRule:
        """Import and return the shape rule; raises as ``load``."""
        return self._import(self.shape_rule)

    def load_onnx(self) -> Callable[..., str] | None:
        """Import and return ``onnx``, None where there is none; raises as ``load``."""
        return self._import(self.onnx) if self.onnx else None


@dataclass(frozen=True, kw_only=True)
class LossEntry(ReferencedEntry):
    """A loss: the factory builds a :class:`zoo.Loss`: ``forward(y, target)`` and ``backward()``.

    Its ``torch_reference`` is called as ``reference(loss)`` and returns a function of (y, target),
    or of (y, target, mask=None) where the loss takes a mask and is to be trained by torch.nn.
    """

    kind: ClassVar[str] = "loss"
    hook: ClassVar[str] = "zoo_losses"


@dataclass(frozen=True, kw_only=True)
class OptimizerEntry(ReferencedEntry):
    """An optimizer: the factory's first argument is the list of (value, gradient) pairs.

    Its ``torch_reference`` is called as ``reference(optimizer, parameters)`` with the parameters of
    the reference of the network, and returns a ``torch.optim.Optimizer``.
    """

    kind: ClassVar[str] = "optimizer"
    hook: ClassVar[str] = "zoo_optimizers"


@dataclass(frozen=True, kw_only=True)
class InitializerEntry(Entry):
    """An initializer: the factory builds a callable that fills a tensor (:mod:`zoo.init`)."""

    kind: ClassVar[str] = "initializer"
    hook: ClassVar[str] = "zoo_initializers"


@dataclass(frozen=True, kw_only=True)
class ScheduleEntry(Entry):
    """A learning-rate schedule: the factory builds a :class:`zoo.Schedule`."""

    kind: ClassVar[str] = "schedule"
    hook: ClassVar[str] = "zoo_schedules"


@dataclass(frozen=True, kw_only=True)
class NoiseEntry(Entry):
    """A noise: the factory builds a :class:`zoo.Noise`, how a noisy copy is drawn."""

    kind: ClassVar[str] = "noise"
    hook: ClassVar[str] = "zoo_noises"


@dataclass(frozen=True, kw_only=True)
class PairingEntry(Entry):
    """A pairing: the factory builds a :class:`zoo.Pairing`, what makes input and target."""

    kind: ClassVar[str] = "pairing"
    hook: ClassVar[str] = "zoo_pairings"


@dataclass(frozen=True, kw_only=True)
class SourceEntry(Entry):
    """A data source: the factory returns zoo.SingleImages, zoo.ImagePairs or zoo.Bursts."""

    kind: ClassVar[str] = "source"
    hook: ClassVar[str] = "zoo_sources"


KINDS: tuple[type[Entry], ...] = (
    LayerEntry,
    LossEntry,
    OptimizerEntry,
    InitializerEntry,
    ScheduleEntry,
    NoiseEntry,
    PairingEntry,
    SourceEntry,
)
