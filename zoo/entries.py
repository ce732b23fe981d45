"""The records a plugin's hooks return: what a file can name, and who builds it.

A record names its factory as a string, ``"package.module:Class"``, which is imported only when an
architecture that uses it is compiled. So listing, checking and completing need no torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar

from zoo.errors import PluginError

NAME = re.compile(r"[a-z][a-z0-9_]*")
FACTORY = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that can be written in an architecture file under its ``type`` key.

    Attributes:
        name: the value of ``type``: lower-case letters, digits and underscores.
        factory: ``"package.module:Class"``, called with the table's parameters as keywords. If it
            has a parameter ``generator`` it is also given the run's ``torch.Generator``.
        schema: JSON Schema (draft 2020-12) of the parameters: a closed object whose ``default``
            values are those of the factory's signature.
        summary: one line for listings.

    Raises:
        PluginError: a field is not as described.
    """

    kind: ClassVar[str]
    hook: ClassVar[str]

    name: str
    factory: str
    schema: Mapping[str, Any]
    summary: str

    def __post_init__(self) -> None:
        where = f"{self.kind} {self.name!r}"
        if not isinstance(self.name, str) or not NAME.fullmatch(self.name):
            raise PluginError(
                f"{where}: not a usable name. Use lower-case letters, digits and underscores."
            )
        if not isinstance(self.factory, str) or not FACTORY.fullmatch(self.factory):
            raise PluginError(
                f"{where}: factory is {self.factory!r}. Write it as 'package.module:Class'."
            )
        if not isinstance(self.summary, str) or not self.summary or "\n" in self.summary:
            raise PluginError(f"{where}: summary is {self.summary!r}. Write one line of text.")
        self._check_schema(where)

    def _check_schema(self, where: str) -> None:
        if not isinstance(self.schema, Mapping) or self.schema.get("type") != "object":
            raise PluginError(f"{where}: schema is not that of an object. Set 'type' to 'object'.")
        if self.schema.get("additionalProperties") is not False:
            raise PluginError(
                f"{where}: schema accepts unknown keys. Set 'additionalProperties' to false."
            )
        properties = self.schema.get("properties", {})
        if not isinstance(properties, Mapping):
            raise PluginError(f"{where}: schema's properties are {properties!r}. Give an object.")
        if "type" in properties:
            raise PluginError(
                f"{where}: schema has a property 'type', which selects the entry. Rename it."
            )

    def load(self) -> Callable[..., Any]:
        """Import and return the factory.

        Raises:
            PluginError: the module or the name in it cannot be imported.
        """
        module, _, attribute = self.factory.partition(":")
        try:
            factory = getattr(import_module(module), attribute)
        except Exception as error:  # whatever a plugin's module raises while it is imported
            raise PluginError(
                f"{self.kind} {self.name!r}: cannot import {self.factory!r}: {error!r}."
            ) from error
        if not callable(factory):
            raise PluginError(f"{self.kind} {self.name!r}: {self.factory!r} is not callable.")
        return factory  # type: ignore[no-any-return]  # callable() has just been asked


@dataclass(frozen=True, kw_only=True)
class LayerEntry(Entry):
    """A layer: the factory builds a :class:`zoo.nn.Module`.

    Attributes:
        inferred: parameters that may be left out, each with the axis of the input shape (without
            the batch axis) that gives it: ``{"in_channels": 0}`` for a layer on (C, H, W).
    """

    kind: ClassVar[str] = "layer"
    hook: ClassVar[str] = "zoo_layers"

    inferred: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, axis in self.inferred.items():
            if name not in self.schema.get("properties", {}) or not isinstance(axis, int):
                raise PluginError(
                    f"layer {self.name!r}: inferred has {name!r}: {axis!r}. "
                    "Give a property of the schema and an axis of the input's shape."
                )


@dataclass(frozen=True, kw_only=True)
class LossEntry(Entry):
    """A loss: the factory builds an object with ``forward(y, target)`` and ``backward()``."""

    kind: ClassVar[str] = "loss"
    hook: ClassVar[str] = "zoo_losses"


@dataclass(frozen=True, kw_only=True)
class OptimizerEntry(Entry):
    """An optimizer: the factory's first argument is the list of (value, gradient) pairs."""

    kind: ClassVar[str] = "optimizer"
    hook: ClassVar[str] = "zoo_optimizers"


@dataclass(frozen=True, kw_only=True)
class InitializerEntry(Entry):
    """An initializer: the factory builds a callable that fills a tensor (:mod:`zoo.init`)."""

    kind: ClassVar[str] = "initializer"
    hook: ClassVar[str] = "zoo_initializers"


@dataclass(frozen=True, kw_only=True)
class ScheduleEntry(Entry):
    """A learning-rate schedule: the factory builds a function of training progress."""

    kind: ClassVar[str] = "schedule"
    hook: ClassVar[str] = "zoo_schedules"


@dataclass(frozen=True, kw_only=True)
class NoiseEntry(Entry):
    """A noise: the factory builds a model of how a noisy copy is drawn (:mod:`zoo.data.noise`)."""

    kind: ClassVar[str] = "noise"
    hook: ClassVar[str] = "zoo_noises"


@dataclass(frozen=True, kw_only=True)
class SourceEntry(Entry):
    """A data source: the factory loads images or pairs (:mod:`zoo.data.sources`)."""

    kind: ClassVar[str] = "source"
    hook: ClassVar[str] = "zoo_sources"


KINDS: tuple[type[Entry], ...] = (
    LayerEntry,
    LossEntry,
    OptimizerEntry,
    InitializerEntry,
    ScheduleEntry,
    NoiseEntry,
    SourceEntry,
)
