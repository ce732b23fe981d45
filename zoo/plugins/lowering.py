"""The record of how the engine computes a plugin's layer faster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from zoo.errors import PluginError
from zoo.plugins.object_reference import REFERENCE, import_callable


@dataclass(frozen=True, kw_only=True)
class Lowering:
    """How the engine computes a plugin's layer faster than its own code does; optional.

    Attributes:
        layer: ``"package.module:Class"`` of the layer: its class exactly, no subclass.
        factory: ``"package.module:function"`` of a function ``lower_it(layer, lower)`` that returns
            a :class:`zoo.nn.Module` which computes the same on the layer's Parameter objects;
            ``lower(child)`` is what computes a child. Imported when such a layer is used.

    Raises:
        PluginError: a field is not as described.
    """

    layer: str
    factory: str

    def __post_init__(self) -> None:
        for name in ("layer", "factory"):
            value = getattr(self, name)
            if not isinstance(value, str) or not REFERENCE.fullmatch(value):
                raise PluginError(
                    f"lowering: {name} is {value!r}. Write it as 'package.module:name'."
                )

    def load(self) -> Callable[..., Any]:
        """Import and return the factory.

        Raises:
            PluginError: it cannot be imported.
        """
        return import_callable(f"lowering of {self.layer!r}", self.factory)

    def load_layer(self) -> Callable[..., Any]:
        """Import and return the layer's class; raises as ``load``."""
        return import_callable(f"lowering of {self.layer!r}", self.layer)
