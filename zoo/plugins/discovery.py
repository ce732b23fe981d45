"""Finding installed plugins: the distributions with an entry point in the group ``zoo``.

One that cannot be loaded is remembered as a failure and does not keep the others from loading.
The environment can narrow this: ``ZOO_PLUGINS=a,b`` loads only these distributions (empty: none),
``ZOO_STRICT_PLUGINS=1`` makes every failure an error.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pluggy

from zoo.errors import PluginError, format_error, quoted, shorten
from zoo.plugins import builtins, hookspecs
from zoo.plugins.declared_layer import declared_layers
from zoo.plugins.distributions import (
    BrokenDistribution,
    Provider,
    canonical,
    find_plugins,
)
from zoo.plugins.hookspecs import API_VERSION
from zoo.plugins.isolation import isolated
from zoo.plugins.model_entry import ModelEntry
from zoo.plugins.records import KINDS
from zoo.plugins.static_source import constant
from zoo.version import VERSION

GROUP = "zoo"
DOTTED = r"[^\W\d]\w*(\.[^\W\d]\w*)*"
REFERENCE = re.compile(rf"{DOTTED}(\s*:\s*{DOTTED})?\s*(\[.*\])?")  # [extras] are obsolete


@dataclass(frozen=True)
class Failure:
    """A plugin, or a hook of it, that could not be used, and why."""

    provider: Provider
    reason: str

    def __str__(self) -> str:
        return f"plugin {self.provider}: {self.reason}"


def failed_plugins(failures: Iterable[Failure]) -> list[str]:
    """A line for each distribution: what failed first, and how much else did."""
    by_plugin: dict[str, list[Failure]] = {}
    for failure in failures:
        by_plugin.setdefault(str(failure.provider), []).append(failure)
    return [_line(*of_one) for of_one in by_plugin.values()]


def _line(first: Failure, *others: Failure) -> str:
    more = f" (and {len(others):,} more: see zoo plugins)" if others else ""
    return f"{str(first).removesuffix('.')}{more}" if more else str(first)


@dataclass(frozen=True)
class Plugins:
    """What discovery found.

    Attributes:
        manager: has the built-ins and all plugins that could be loaded.
        providers: who is behind each plugin name of the manager.
        failures: the plugins that could not be loaded.
        left_out: the plugins that ``ZOO_PLUGINS`` does not name.
        broken: installed distributions whose metadata cannot be used.
        strict: whether any failure, also a later one of a hook, is an error.
    """

    manager: pluggy.PluginManager
    providers: Mapping[str, Provider]
    failures: tuple[Failure, ...]
    left_out: tuple[Provider, ...]
    broken: tuple[BrokenDistribution, ...]
    strict: bool


def discover(environment: Mapping[str, str] = os.environ) -> Plugins:
    """Load the built-ins and all installed plugins, sorted by distribution.

    Raises:
        PluginError: ``ZOO_PLUGINS`` names a distribution without a plugin.
    """
    manager = pluggy.PluginManager("zoo")
    manager.add_hookspecs(hookspecs)
    providers: dict[str, Provider] = {}
    failures: list[Failure] = []
    _register(manager, builtins, Provider("zoo", VERSION, "builtins"), providers)
    installed, broken = find_plugins(GROUP)
    selected = _selected(installed, environment.get("ZOO_PLUGINS"))
    for provider, entry_point in selected:
        try:
            with isolated():
                _check_reference(entry_point)
                _check_api(entry_point.module)
                plugin = entry_point.load()
                _register(manager, plugin, provider, providers)
        except Exception as error:  # whatever a plugin's module does when imported
            failures.append(Failure(provider, f"cannot be loaded: {format_error(error)}"))
    strict = environment.get("ZOO_STRICT_PLUGINS") == "1"
    left_out = tuple(plugin[0] for plugin in installed if plugin not in selected)
    return Plugins(manager, providers, tuple(failures), left_out, tuple(broken), strict)


def _check_reference(point: EntryPoint) -> None:
    """Refuse an entry point that names nothing that could be imported."""
    if not REFERENCE.fullmatch(point.value):
        raise PluginError(
            f"the entry point {shorten(point.name)} is {quoted(shorten(point.value))}. "
            "Name a module, as in package.module, or an object in one, package.module:object."
        )


def _check_api(module: str) -> None:
    """Refuse a plugin that is written for another version of the interface, before it runs."""
    wanted = constant(module, "zoo_api")
    if wanted is None:
        return
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        fits = API_VERSION in SpecifierSet(wanted if isinstance(wanted, str) else "no range")
    except InvalidSpecifier:
        raise PluginError(
            f"zoo_api is {wanted!r}. Write a range of versions, such as '>=1,<2'."
        ) from None
    if not fits:
        raise PluginError(
            f"is written for version {wanted} of zoo's plugin interface, and this zoo has "
            f"{API_VERSION}. Install versions of the two that go together."
        )


def _register(
    manager: pluggy.PluginManager,
    plugin: object,
    provider: Provider,
    providers: dict[str, Provider],
) -> None:
    name = f"{provider.distribution}:{provider.entry_point}"
    if (other := manager.get_name(plugin)) is not None:
        raise PluginError(f"the entry point {name} names the same object as {other}.")
    try:
        manager.register(plugin, name=name)
        manager.check_pending()  # a misspelt hook name is otherwise accepted in silence
    except Exception as error:
        if manager.has_plugin(name):  # older pluggy registers before it finds the mistake
            manager.unregister(name=name)
        if isinstance(error, pluggy.PluginValidationError):
            hooks = ", ".join(sorted([*(record.hook for record in KINDS), ModelEntry.hook]))
            what = " ".join(str(error).split())
            raise PluginError(f"{what}. Hooks, without arguments: {hooks}.") from error
        raise
    if not (manager.get_hookcallers(plugin) or declared_layers(plugin)):
        manager.unregister(name=name)
        raise PluginError(
            f"the entry point {shorten(provider.entry_point)} names what has none of zoo's hooks. "
            "Mark its functions with @zoo.hookimpl, or name another module."
        )
    providers[name] = provider


def _selected(
    installed: list[tuple[Provider, EntryPoint]], wanted: str | None
) -> list[tuple[Provider, EntryPoint]]:
    """Those whose distribution ``ZOO_PLUGINS`` names; all where it is not set."""
    if wanted is None:
        return installed
    names = {canonical(name.strip()) for name in wanted.split(",") if name.strip()}
    known = {provider.distribution for provider, _ in installed}
    if unknown := sorted(names - known):
        raise PluginError(
            f"ZOO_PLUGINS: no installed plugin is called {', '.join(map(repr, unknown))}. "
            f"Installed: {', '.join(sorted(known)) or 'none'}."
        )
    return [plugin for plugin in installed if plugin[0].distribution in names]
