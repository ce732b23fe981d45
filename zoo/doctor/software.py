"""What is installed: versions, optional parts, plugins, models, photographs; and variables."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator

from zoo.describe.machine import (
    installed_version,
    library_versions,
    optional_parts,
    python_path,
    short_path,
    variables,
)
from zoo.describe.plugins import Plugin, installed_plugins
from zoo.doctor.report import ABSENT, Finding, problem
from zoo.errors import DataError, ZooError
from zoo.plugins.discovery import GROUP, discover
from zoo.plugins.distributions import find_plugins
from zoo.plugins.registry import load_registry


def versions() -> Iterator[Finding]:
    """zoo, Python and the libraries that results depend on."""
    found = library_versions()
    zoo, python = found.pop("zoo"), found.pop("python")
    yield Finding("zoo", zoo)
    yield Finding(
        "python", f"{python}, {platform.python_implementation()}, {python_path()}", python
    )
    for name, version in found.items():
        yield Finding(name, version)
    for broken in find_plugins(GROUP)[1]:
        text = f"{broken.reason}: {short_path(broken.where)}"
        yield problem("a package", text, "Remove it, and install the package again.")


def optional() -> Iterator[Finding]:
    """What zoo can use and does not need."""
    for part in optional_parts():
        if part.version is not None:
            yield Finding(part.name, part.version)
        else:
            advice = f"pip install 'zoo[{part.extra}]' adds it."
            yield Finding(part.name, "not installed", None, ABSENT, advice)
    version = installed_version("triton")
    advice = "" if version else "torch for CUDA brings it; only a GPU uses it."
    yield Finding("triton", version or "not installed", None, "ok" if version else ABSENT, advice)


def plugins() -> Iterator[Finding]:
    """Each plugin with its state."""
    found = discover({**os.environ, "ZOO_STRICT_PLUGINS": "0"})
    installed = installed_plugins(found, load_registry(found))
    if not installed:
        yield Finding("plugins", "none installed", [])
    for plugin in installed:
        yield _plugin(plugin)


def _plugin(plugin: Plugin) -> Finding:
    contributes = "; ".join(
        f"{kind} {', '.join(them)}" for kind, them in plugin.contributes.items()
    )
    what = f"{plugin.provider.version}, {plugin.state}"
    if plugin.reasons:
        advice = "Install a version that works, uninstall it, or leave it out with ZOO_PLUGINS."
        text = f"{what}: {' '.join(plugin.reasons)}"
        return Finding(plugin.provider.distribution, text, plugin.to_dict(), "problem", advice)
    text = f"{what}: {contributes}" if contributes else what
    return Finding(plugin.provider.distribution, text, plugin.to_dict())


def models() -> Iterator[Finding]:
    """Trained models that plugins bring."""
    registry = load_registry(discover({**os.environ, "ZOO_STRICT_PLUGINS": "0"}))
    if not registry.models:
        yield Finding("models", "none installed", [], ABSENT)
    for model in registry.models:
        try:
            model.entry.verified_path()
        except ZooError as error:
            yield problem(model.entry.name, short_path(str(error)), "Install its plugin again.")
        else:
            yield Finding(model.entry.name, f"of {model.provider}")


def data() -> Iterator[Finding]:
    """The photographs that need no download."""
    from zoo.data.sources.demo import demo_folder, demo_paths

    try:
        names = [path.stem for path in demo_paths(demo_folder())]
    except DataError as error:
        yield problem("demo", short_path(str(error)), "Or train on photographs of your own.")
    else:
        yield Finding("demo", ", ".join(names), names)


def environment_variables() -> Iterator[Finding]:
    """Those that change what zoo or torch do."""
    found = variables()
    for name, value in found.items():
        yield Finding(name, value)
    if not found:
        yield Finding("variables", "none that matters is set", {})
