"""What is installed beside zoo: each plugin, what it contributes, and what is wrong with it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import PluginError
from zoo.plugins.discovery import Plugins
from zoo.plugins.distributions import Provider
from zoo.plugins.model_entry import ModelEntry
from zoo.plugins.python_subprocess import run_python
from zoo.plugins.registry import Registry

ASK = """
import sys
from zoo.plugins.registry import load_registry
load_registry()
print("\\nimports torch:", "torch" in sys.modules)
"""


@dataclass(frozen=True)
class Plugin:
    """An entry point in the group ``zoo``.

    Attributes:
        contributes: names by kind.
        state: ``works``, ``fails`` (nothing or not all of it can be used), ``clashes`` (a name is
            another's too) or ``left out`` (``ZOO_PLUGINS`` does not name it).
        reasons: why it fails or clashes.
        imports_torch: whether loading it and calling its hooks imports torch, which makes every
            command slow; None where it was not loaded.
    """

    provider: Provider
    contributes: Mapping[str, list[str]]
    state: str
    reasons: tuple[str, ...]
    imports_torch: bool | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "distribution": self.provider.distribution,
            "version": self.provider.version,
            "entry_point": self.provider.entry_point,
            "contributes": dict(self.contributes),
            "state": self.state,
            "reasons": list(self.reasons),
            "imports_torch": self.imports_torch,
        }


def installed_plugins(found: Plugins, registry: Registry) -> list[Plugin]:
    """All plugins by name; ``registry`` is that of ``found``."""
    loaded = set(found.providers.values()) | {failure.provider for failure in registry.failures}
    built_in = next(iter(found.providers.values()))
    slow = _importing_torch(loaded - {built_in})
    plugins = [_plugin(provider, registry, provider in slow) for provider in loaded - {built_in}]
    plugins += [Plugin(provider, {}, "left out", (), None) for provider in found.left_out]
    return sorted(plugins, key=lambda plugin: plugin.provider)


def _plugin(provider: Provider, registry: Registry, imports_torch: bool) -> Plugin:
    contributes: dict[str, list[str]] = {}
    clashes = []
    for registered in (*registry, *registry.models):
        if registered.provider == provider:
            entry = registered.entry
            contributes.setdefault(entry.kind, []).append(entry.name)
            try:
                if isinstance(entry, ModelEntry):
                    registry.model(entry.name)
                else:
                    registry.get(entry.kind, entry.name)
            except PluginError as error:
                clashes.append(str(error))
    failures = [failure.reason for failure in registry.failures if failure.provider == provider]
    if not contributes and not failures:
        failures = ["contributes nothing: its hooks return no records."]
    state = "fails" if failures else "clashes" if clashes else "works"
    return Plugin(provider, contributes, state, (*failures, *clashes), imports_torch)


def _importing_torch(providers: set[Provider]) -> set[Provider]:
    """Those whose import imports torch, each asked in a process of its own."""
    if "torch" not in sys.modules:
        return set()
    names = {provider.distribution for provider in providers}
    slow = {name for name in names if _imports_torch(name)}
    return {provider for provider in providers if provider.distribution in slow}


def _imports_torch(distribution: str) -> bool:
    result = run_python(ASK, ZOO_PLUGINS=distribution, ZOO_STRICT_PLUGINS="0")
    return "imports torch: True" in result.stdout.splitlines()  # a plugin may print too
