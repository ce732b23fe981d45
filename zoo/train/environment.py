"""What a run ran on: for ``environment.json`` and checkpoints."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from importlib.metadata import version

import torch

from zoo.architecture import Architecture, Component
from zoo.registry import Registry
from zoo.train.device import device_name


def versions() -> dict[str, str]:
    """Versions of zoo and of what its results depend on."""
    packages = ("zoo", "torch", "numpy", "scikit-image", "pillow")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def environment(device: torch.device) -> dict[str, object]:
    """The content of ``environment.json``."""
    return {
        "versions": versions(),
        "platform": platform.platform(),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
    }


def plugin_versions(architecture: Architecture, registry: Registry) -> dict[str, str]:
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
