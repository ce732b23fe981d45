"""Everything that can be written in an architecture file, and the models, by kind and name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from typing import Any, TypeVar

from zoo.errors import PluginError, format_error, shorten
from zoo.plugins.declared_layer import DeclaredLayer, declared_layers
from zoo.plugins.discovery import Failure, Plugins, discover, failed_plugins
from zoo.plugins.distributions import BrokenDistribution, Provider, canonical
from zoo.plugins.isolation import isolated
from zoo.plugins.lowering import Lowering
from zoo.plugins.model_entry import ModelEntry
from zoo.plugins.records import KINDS, Entry, LayerEntry

R = TypeVar("R")
MOST_ENTRIES = 10_000  # that a hook can return
LONGEST_SHOWN = 400  # characters of what it returned instead

# What to do about a plugin that is missing. No command: of a name alone pip would install whatever
# somebody has put under it into a public index.
HOW_TO_INSTALL = "Install that plugin; zoo's own are in the folder plugins of its repository."


@dataclass(frozen=True)
class Registered:
    """An entry and who provides it."""

    entry: Entry
    provider: Provider


@dataclass(frozen=True)
class InstalledModel:
    """A trained model and who provides it."""

    entry: ModelEntry
    provider: Provider


P = TypeVar("P", Registered, InstalledModel)


class Registry:
    """All entries of the built-ins and the installed plugins.

    Iterating gives those that can be written in an architecture file.

    Args:
        registered: the entries with their providers.
        failures: plugins and hooks that could not be used.
        models: the trained models with their providers.
        broken: installed distributions whose metadata cannot be used.

    Attributes:
        models: the same, by name.
    """

    def __init__(
        self,
        registered: Iterable[Registered],
        failures: Iterable[Failure] = (),
        models: Iterable[InstalledModel] = (),
        broken: Iterable[BrokenDistribution] = (),
    ) -> None:
        self.failures = tuple(failures)
        self.broken = tuple(broken)
        self.models = tuple(sorted(models, key=lambda model: (model.entry.name, model.provider)))
        self._registered: dict[tuple[str, str], list[Registered]] = {}
        for provided in registered:
            key = (provided.entry.kind, provided.entry.name)
            self._registered.setdefault(key, []).append(provided)

    def failed_plugins(self, distribution: str = "") -> list[str]:
        """A line for each plugin that failed: what did first. Only of a distribution if given."""
        return failed_plugins(
            failure
            for failure in self.failures
            if distribution in ("", failure.provider.distribution)
        )

    def names(self, kind: str) -> list[str]:
        """The names of a kind, sorted."""
        return sorted(name for known_kind, name in self._registered if known_kind == kind)

    def get(self, kind: str, name: str) -> Registered:
        """The entry of that kind and name, and who provides it.

        Args:
            name: the entry's, or ``DISTRIBUTION:NAME`` for the one of that distribution.

        Raises:
            KeyError: there is none.
            PluginError: several plugins provide it.
        """
        distribution, _, bare = name.rpartition(":")
        return _only(self._registered[kind, bare], distribution)

    def model(self, name: str) -> InstalledModel:
        """The trained model of that name; arguments and errors as of ``get``."""
        distribution, _, bare = name.rpartition(":")
        return _only([each for each in self.models if each.entry.name == bare], distribution)

    def kinds(self, name: str) -> list[str]:
        """The kinds that have an entry of that name, sorted."""
        return sorted(kind for kind, known_name in self._registered if known_name == name)

    def layer(self, name: str) -> LayerEntry:
        """The layer of that name; raises as ``get``."""
        entry = self.get("layer", name).entry
        assert isinstance(entry, LayerEntry)
        return entry

    def __iter__(self) -> Iterator[Registered]:
        for key in sorted(self._registered):
            yield from self._registered[key]


def _only(found: list[P], distribution: str) -> P:
    """The one of ``found``, which have one kind and name; of that distribution unless it is "".

    Raises:
        KeyError: there is none.
        PluginError: there are several.
    """
    if distribution:
        wanted = canonical(distribution)
        found = [each for each in found if each.provider.distribution == wanted]
    if not found:
        raise KeyError(distribution)
    if len(found) > 1:
        kind, name = found[0].entry.kind, found[0].entry.name
        sides = " and ".join(sorted(str(each.provider) for each in found))
        choices = sorted({f"{each.provider.distribution}:{name}" for each in found})
        choose = f"Choose with {' or '.join(choices)}." if len(choices) > 1 else ""
        raise PluginError(
            f"{kind} {name!r}: provided by {sides}. {choose or 'Uninstall one of them.'}"
        )
    return found[0]


def load_registry(plugins: Plugins | None = None) -> Registry:
    """All layers that plugins declare and all that their hooks return.

    A hook that fails is recorded and the others go on.

    Args:
        plugins: what discovery found; it runs now unless given.

    Raises:
        PluginError: ``ZOO_STRICT_PLUGINS`` is 1 and a plugin or a hook failed; or as ``discover``.
    """
    plugins = plugins or discover()
    failures = list(plugins.failures)
    registered = [
        Registered(entry, provider)
        for name, provider in plugins.providers.items()
        for entry in _declared(plugins.manager.get_plugin(name), provider, failures)
    ]
    registered += [
        Registered(entry, provider)
        for record in KINDS
        for entry, provider in _returned(plugins, record.hook, record, failures)
    ]
    models = [
        InstalledModel(entry, provider)
        for entry, provider in _returned(plugins, ModelEntry.hook, ModelEntry, failures)
    ]
    list(_returned(plugins, "zoo_lowerings", Lowering, failures))  # for those that fail
    if failures and plugins.strict:
        raise PluginError(*failed_plugins(failures))
    return Registry(registered, failures, models, plugins.broken)


def load_lowerings(plugins: Plugins | None = None) -> list[Lowering]:
    """What the hook ``zoo_lowerings`` of each plugin gives.

    One that fails gives nothing: :func:`load_registry` tells of it.

    Args:
        plugins: what discovery found; it runs now unless given.

    Raises:
        PluginError: as ``discover``.
    """
    return [item for item, _ in _returned(plugins or discover(), "zoo_lowerings", Lowering, [])]


def _declared(plugin: Any, provider: Provider, failures: list[Failure]) -> list[DeclaredLayer]:
    """The layers that the module of an entry point declares itself, or imports from its package."""
    try:
        with isolated():  # what else the module has may be anything
            return declared_layers(plugin)
    except Exception as error:
        reason = f"its declared layers cannot be read: {format_error(error)}"
        failures.append(Failure(provider, reason))
        return []


def _returned(
    plugins: Plugins, hook: str, record: type[R], failures: list[Failure]
) -> Iterator[tuple[R, Provider]]:
    """What a hook of each plugin returns, and whose it is; one that fails is a failure instead."""
    for implementation in getattr(plugins.manager.hook, hook).get_hookimpls():
        provider = plugins.providers[implementation.plugin_name]
        try:
            with isolated():
                found = islice(implementation.function(), MOST_ENTRIES)
                items = [_checked(item, record) for item in found]
        except Exception as error:  # whatever a plugin's hook raises
            failures.append(Failure(provider, f"{hook} failed: {format_error(error)}"))
        else:
            yield from ((item, provider) for item in items)


def _checked(item: Any, record: type[R]) -> R:
    """The item, if it is such a record; a plain one where its class is a plugin's own."""
    if not isinstance(item, record):
        raise PluginError(
            f"returned {shorten(repr(item), LONGEST_SHOWN)}. Return {record.__name__} records."
        )
    values = {field.name: getattr(item, field.name) for field in fields(record)}  # type: ignore[arg-type]
    return item if type(item) in (record, DeclaredLayer) else record(**values)
