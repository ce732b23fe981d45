"""Who provides what a checkpoint's architecture names: written into it, and asked for again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from zoo.architecture import Architecture, Component
from zoo.errors import PluginError, printable
from zoo.plugins.distributions import canonical
from zoo.plugins.registry import HOW_TO_INSTALL, Registry


def providers(architecture: Architecture, registry: Registry) -> dict[str, str]:
    """Who provides what an architecture names: ``{"layer conv2d": "zoo 0.1.0", ...}``."""
    names = {
        (component.kind, component.type)
        for top in _top_components(architecture)
        for component in _components(top)
    }
    return {
        f"{kind} {name}": str(registry.get(kind, name).provider) for kind, name in sorted(names)
    }


def _top_components(architecture: Architecture) -> Iterator[Component]:
    yield from architecture.layers
    yield from (architecture.loss, architecture.optimizer, architecture.train.schedule)
    data = architecture.data
    for component in (data.source, data.validation, data.noise, data.evaluation_noise):
        if component is not None:
            yield component


def _components(component: Component) -> Iterator[Component]:
    yield component
    for value in component.parameters.values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, Component):
                yield from _components(part)


def check_providers(path: Path, recorded: Mapping[str, str], registry: Registry) -> list[str]:
    """Whether what a checkpoint was made with is installed.

    Args:
        path: the checkpoint.
        recorded: what :func:`providers` gave when it was written.
        registry: what is installed now.

    Returns:
        A warning for each distribution that has another version now.

    Raises:
        PluginError: a plugin is missing, or cannot be used; says what to install.
    """
    now = {
        (item.entry.kind, item.entry.name, item.provider.distribution): item for item in registry
    }
    warnings: dict[str, str] = {}
    for what, provider in recorded.items():
        distribution = canonical(provider.rpartition(" ")[0])
        kind, _, name = what.partition(" ")
        item = now.get((kind, name.rpartition(":")[2], distribution))
        if item is None:
            raise PluginError(
                printable(
                    f"{path}: its {kind} {name} is of {provider}. {_remedy(distribution, registry)}"
                )
            )
        if item.provider.version != provider.rpartition(" ")[2]:
            warnings[distribution] = (
                f"{path}: made with {provider}; {item.provider} is installed, which may differ"
            )
    return list(warnings.values())


def _remedy(distribution: str, registry: Registry) -> str:
    """What to do about a distribution that does not provide what it once did."""
    if failures := registry.failed_plugins(distribution):
        return f"It cannot be used: {' '.join(failures)}"
    return HOW_TO_INSTALL
