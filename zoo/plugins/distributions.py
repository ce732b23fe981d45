"""What is installed, by its metadata; what is broken keeps nothing else from working."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, EntryPoint, distributions
from os import PathLike
from pathlib import Path
from typing import Any

from zoo.errors import PluginError, format_error, printable, quoted, shorten
from zoo.files import read_regular

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
NAME_LINE = re.compile(r"^Name:[ \t]*(.*?)[ \t\r]*$", re.IGNORECASE | re.MULTILINE)
VERSION = re.compile(r"[^\s\x00-\x1f]{1,100}")
MOST_METADATA = 2**24  # bytes of a file of them; a long description may have a megabyte


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


class Installed(Distribution):
    """A distribution whose metadata are read as UTF-8 and from regular files of bounded size.

    Python's own reading waits for a pipe, and takes what cannot be opened for what is not there.

    Args:
        found: the same, as Python has found it.

    Attributes:
        where: its folder or file.
    """

    def __init__(self, found: Distribution) -> None:
        self._found = found
        self._folder: Any = getattr(found, "_path", None)
        self.where = printable(str(self._folder or "an unknown place"))

    def read_text(self, filename: str) -> str | None:
        """The text of a file of its metadata, or of the only one where ``filename`` is "".

        None where there is no such file.

        Raises:
            OSError: it cannot be read, or is no regular file.
            UnicodeDecodeError: it is not UTF-8.
        """
        if not isinstance(self._folder, Path):  # in an archive
            return self._found.read_text(filename)
        try:
            content = read_regular(self._folder / filename, MOST_METADATA)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except IsADirectoryError:
            if filename:
                raise
            return None
        return content.decode("utf-8").replace("\r\n", "\n")

    def locate_file(self, path: str | PathLike[str]) -> Any:
        """Where a file of it is."""
        return self._found.locate_file(path)

    def canonical_name(self) -> str:
        """Its name, by its metadata; raises what :meth:`read_text` does.

        Raises:
            PluginError: they are not there or give none.
        """
        text = self.read_text("METADATA") or self.read_text("PKG-INFO")
        text = text or self.read_text("")  # of old distutils, a file
        if not text:
            raise PluginError("it has no readable METADATA")
        match = NAME_LINE.search(text.partition("\n\n")[0])
        if match is None or not NAME.fullmatch(match[1]):
            raise PluginError("its METADATA give no name")
        return canonical(match[1])

    def checked_version(self) -> str:
        """Its version; raises as :meth:`canonical_name`."""
        version = self.metadata["Version"]
        if not isinstance(version, str) or not VERSION.fullmatch(version):
            raise PluginError("its METADATA give no version")
        return version


def find_installed(name: str, version: str | None = None) -> Installed | None:
    """The first distribution of a name on the path whose metadata can be read; None for none.

    Args:
        name: in any spelling.
        version: the only one that counts; None for any.
    """
    for distribution in _distributions({}, name):
        try:
            if distribution.canonical_name() == canonical(name):
                found = distribution.checked_version()
                if version in (None, found):
                    return distribution
        except Exception:  # whatever metadata that are damaged lead to: find_plugins tells of it
            continue
    return None


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
            where = distribution.where
            broken.setdefault(where, BrokenDistribution(where, _reason(error)))
        else:
            found.setdefault(name, points)
    plugins = [plugin for points in found.values() for plugin in points]
    return sorted(plugins, key=lambda plugin: plugin[0]), list(broken.values())


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "its metadata are not UTF-8"
    if isinstance(error, OSError) and error.filename and error.strerror:
        return f"its {Path(error.filename).name} cannot be read: {error.strerror}"
    return format_error(error).rstrip(".")


def _distributions(
    broken: dict[str, BrokenDistribution], name: str | None = None
) -> Iterator[Installed]:
    """All, or those of a name; a finder that fails, of an editable installation, ends them."""
    try:
        yield from map(Installed, distributions(name=name))
    except Exception as error:
        where = "importlib.metadata"
        broken[where] = BrokenDistribution(where, _reason(error))


def _read(distribution: Installed, group: str) -> tuple[str, list[tuple[Provider, EntryPoint]]]:
    """The name of a distribution, and its entry points of a group.

    Raises:
        PluginError: its metadata are not there or say too little.
        Exception: they cannot be read.
    """
    name = distribution.canonical_name()
    entries = distribution.read_text("entry_points.txt") or ""
    for line in map(str.strip, entries.splitlines()):
        if line and line[0] not in "[#;" and "=" not in line:
            raise PluginError(f"its entry_points.txt has the line {quoted(shorten(line))}")
    if group not in entries:
        return name, []
    mine = {it.value: it for it in reversed(distribution.entry_points) if it.group == group}
    if not mine:
        return name, []
    version = distribution.checked_version()
    return name, [(Provider(name, version, point.name), point) for point in mine.values()]
