"""Lowerings of layers that plugins have: how the engine computes them faster than they do.

A plugin need not have any: a layer runs its own forward and backward inside the engine. Where it
pays, the plugin's hook ``zoo_lowerings`` returns :class:`zoo.Lowering` records.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Protocol

from zoo.errors import PluginError
from zoo.nn.module import Module
from zoo.plugins.records import Lowering as LoweringRecord
from zoo.plugins.registry import load_lowerings

Lower = Callable[[Module], Module]


class Lowering(Protocol):
    """What a record's factory is."""

    def __call__(self, layer: Module, lower: Lower, /) -> Module:
        """A module that computes the same on the layer's parameters; ``lower`` lowers a child."""


def plugin_lowering(kind: type[Module], warn: Callable[[str], object]) -> Lowering | None:
    """How layers of a class are lowered, as a plugin says; None if none does."""
    if kind.__module__.partition(".")[0] == "zoo":
        return None
    record = _installed(os.environ.get("ZOO_PLUGINS")).get(f"{kind.__module__}:{kind.__qualname__}")
    if record is None:
        return None
    try:
        return record.load()
    except PluginError as error:
        warn(f"{error} Its layer computes as its own code says.")
        return None


@lru_cache(maxsize=8)
def _installed(selected: str | None) -> Mapping[str, LoweringRecord]:
    """The records of the plugins that the environment selects, by the layer's class."""
    return {record.layer: record for record in load_lowerings()}
