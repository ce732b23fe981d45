"""Lowerings of layers that plugins have: how the engine computes them faster than they do.

A plugin need not have any: a layer runs its own forward and backward inside the engine. Where it
pays, the plugin's hook ``zoo_lowerings`` returns :class:`zoo.Lowering` records.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Protocol

from zoo.errors import PluginError, format_error
from zoo.nn.module import Module
from zoo.plugins.isolation import isolated
from zoo.plugins.lowering import Lowering as LoweringRecord
from zoo.plugins.registry import load_lowerings

Lower = Callable[[Module], Module]


class Lowering(Protocol):
    """What a record's factory is."""

    def __call__(self, layer: Module, lower: Lower, /) -> Module:
        """A module that computes the same on the layer's parameters; ``lower`` lowers a child."""


def lowered_by_plugin(layer: Module, lower: Lower, warn: Callable[[str], object]) -> Module | None:
    """What a plugin's lowering makes of a layer; None where there is none that works."""
    kind = type(layer)
    if kind.__module__.partition(".")[0] == "zoo":
        return None
    name = f"{kind.__module__}:{kind.__qualname__}"
    record = _installed(os.environ.get("ZOO_PLUGINS")).get(name)
    if record is None:
        return None
    try:
        with isolated():
            lowered: object = record.load()(layer, lower)
    except PluginError as error:
        problem = str(error)
    except Exception as error:  # whatever a plugin's function raises
        problem = f"lowering of {name!r}: {record.factory!r} failed: {format_error(error)}."
    else:
        if isinstance(lowered, Module):
            return lowered
        problem = (
            f"lowering of {name!r}: {record.factory!r} gave a {type(lowered).__name__}, "
            "no zoo.nn.Module."
        )
    warn(f"{problem} Its layer computes as its own code says.")
    return None


@lru_cache(maxsize=8)
def _installed(selected: str | None) -> Mapping[str, LoweringRecord]:
    """The records of the plugins that the environment selects, by the layer's class."""
    return {record.layer: record for record in load_lowerings()}
