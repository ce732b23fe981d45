"""What is installed, by its metadata; what is broken keeps nothing else from working."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions

from zoo.errors import PluginError, format_error, printable, quoted, shorten

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
NAME_LINE = re.compile(r"^Name:[ \t]*(.*?)[ \t\r]*$", re.IGNORECASE | re.MULTILINE)
VERSION = re.compile(r"[^\s\x00-\x1f]{1,100}")


@dataclass(frozen=True, order=True)
class Provider:
    """Who provides a plugin: a distribution, its version, and the entry point's name in it.

    Attributes:
        distribution: its name as PEP 503 compares names (:func:`canonical`).
    """

    distribution: str
    version: str
    entry_point: str

    def __str__(self) -> str:
        return printable(f"{self.distribution} {self.version}")


@dataclass(frozen=True)
class BrokenDistribution:
    """An installed distribution whose metadata cannot be used.

    Attributes:
        where: its folder or file.
        reason: what is wrong with it.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.where}: a broken installation, which is left out: {self.reason}. "
            "Remove it, or install the package again."
        )


def canonical(name: str) -> str:
    """A distribution's name as PEP 503 compares names: ``My_Layers`` is ``my-layers``."""
    return re.sub(r"[-_.]+", "-", name).lower()


def find_plugins(
    group: str,
) -> tuple[list[tuple[Provider, EntryPoint]], list[BrokenDistribution]]:
    """All entry points of a group by distribution, each once, and what is broken.

    Of a distribution that is found twice, the first on the path counts, as it does for imports.
    """
    found: dict[str, list[tuple[Provider, EntryPoint]]] = {}
    broken: dict[str, BrokenDistribution] = {}
    for distribution in _distributions(broken):
        try:
            name, points = _read(distribution, group)
        except Exception as error:  # whatever metadata that are damaged lead to
            where = printable(str(getattr(distribution, "_path", "an unknown place")))
            broken.setdefault(where, BrokenDistribution(where, _reason(error)))
        else:
            found.setdefault(name, points)
    plugins = [plugin for points in found.values() for plugin in points]
    return sorted(plugins, key=lambda plugin: plugin[0]), list(broken.values())


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "its metadata are not UTF-8"
    return format_error(error).rstrip(".")


def _distributions(broken: dict[str, BrokenDistribution]) -> Iterator[Distribution]:
    """All that are installed; a finder that fails, of an editable installation, ends them."""
    try:
        yield from distributions()
    except Exception as error:
        where = "importlib.metadata"
        broken[where] = BrokenDistribution(where, _reason(error))


def _read(distribution: Distribution, group: str) -> tuple[str, list[tuple[Provider, EntryPoint]]]:
    """The name of a distribution, and its entry points of a group.

    Raises:
        PluginError: its metadata are not there or say too little.
        Exception: they cannot be read.
    """
    text = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO")
    text = text or distribution.read_text("")  # of old distutils, a file
    if not text:
        raise PluginError("it has no readable METADATA")
    match = NAME_LINE.search(text.partition("\n\n")[0])
    if match is None or not NAME.fullmatch(match[1]):
        raise PluginError("its METADATA give no name")
    name = canonical(match[1])
    entries = distribution.read_text("entry_points.txt") or ""
    for line in map(str.strip, entries.splitlines()):
        if line and line[0] not in "[#;" and "=" not in line:
            raise PluginError(f"its entry_points.txt has the line {quoted(shorten(line))}")
    if group not in entries:
        return name, []
    mine = {it.value: it for it in reversed(distribution.entry_points) if it.group == group}
    if not mine:
        return name, []
    version = distribution.metadata["Version"]
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise PluginError("its METADATA give no version")
    return name, [(Provider(name, version, point.name), point) for point in mine.values()]
