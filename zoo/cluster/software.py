"""That a worker has the same zoo, torch and plugins as the client, by their metadata."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version

from zoo.errors import printable
from zoo.plugins.registry import Registry

SAME = ("zoo", "torch", "distributed")


def needed(registry: Registry) -> dict[str, str]:
    """The versions that workers need: of zoo, torch and distributed, then of the plugins in use."""
    found = {}
    for name in SAME:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # torch, of a plan that is only looked at
            continue
    plugins = {item.provider for item in (*registry, *registry.models)}
    return found | {
        it.distribution: it.version for it in sorted(plugins) if it.distribution not in found
    }


def differences(needs: Mapping[str, str], has: Mapping[str, str | None]) -> Iterator[str]:
    """What a worker does not have as the client does, in words.

    Args:
        needs: versions by distribution, as :func:`needed` gives them.
        has: the same of the worker; None for what is not installed there.
    """
    for name, mine in needs.items():
        other = has.get(name)
        kind = "" if name in SAME else "the plugin "
        if other is None:
            yield f"{kind}{name} {printable(mine)} is not installed there"
        elif other != mine:
            yield f"{kind}{name} is {printable(str(other))} there, and {printable(mine)} here"


def variables_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that say how zoo works, whatever the machine: a worker needs the same."""
    return {name: value for name, value in environment.items() if name.startswith("ZOO_")}
