"""A new plugin: the files of a distribution with one layer. No torch.

They are made from the texts in ``template``, which end in ``.txt`` so that nothing takes
them for code of zoo.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from keyword import iskeyword
from typing import Final

from packaging.requirements import Requirement
from packaging.version import Version

from zoo.errors import UsageError
from zoo.plugins.distributions import find_installed
from zoo.version import VERSION

# Each text of template, and the file that it becomes.
FILES: Final[Mapping[str, str]] = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "init.py": "{{package}}/__init__.py",
    "plugin.py": "{{package}}/plugin.py",
    "swish.py": "{{package}}/swish.py",
    "architecture.toml": "architectures/{{layer}}.toml",
    "test_swish.py": "tests/test_swish.py",
}
PLACEHOLDER: Final = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Names:
    """What a new plugin and its parts are called.

    Attributes:
        distribution: what is installed: ``zoo-swish``.
        package: what is imported: ``zoo_swish``.
        layer: the type in an architecture file: ``swish``.
    """

    distribution: str
    package: str
    layer: str


def names_of(folder: str) -> Names:
    """The names of a plugin in a folder of that name, which they are as near to as they can be."""
    plain = unicodedata.normalize("NFKD", folder).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "plugin"
    package = name.replace("-", "_")
    if not package.isidentifier() or iskeyword(package) or name in ("zoo", "plugin"):
        name, package = f"zoo-{name}", f"zoo_{package}"
    stem = package.removeprefix("zoo_")
    stem = stem if stem[0].isalpha() else package
    return Names(name, package, stem if stem.endswith("swish") else f"{stem}_swish")


def plugin_files(names: Names) -> dict[str, str]:
    """The text of each file of a new plugin, by its path in the plugin's folder.

    Raises:
        UsageError: zoo runs without metadata of its own, which say what a plugin needs.
    """
    zoo = find_installed("zoo", VERSION)
    needed = {Requirement(text).name: text for text in (zoo.requires if zoo else None) or ()}
    python = zoo.metadata["Requires-Python"] if zoo else None
    if python is None or "torch" not in needed:
        raise UsageError(f"zoo: the metadata of zoo {VERSION} are missing. Install it with pip.")
    values = {**vars(names), "zoo": _compatible(), "torch": needed["torch"], "python": python}
    folder = files(__package__) / "template"
    texts = {path: (folder / f"{name}.txt").read_text("utf-8") for name, path in FILES.items()}
    return {_filled(path, values): _filled(text, values) for path, text in texts.items()}


def _filled(text: str, values: Mapping[str, str]) -> str:
    return PLACEHOLDER.sub(lambda match: values[match[1]], text)


def _compatible() -> str:
    """A requirement of this version of zoo up to the next that may break things."""
    major, minor = Version(VERSION).release[:2]
    below = f"0.{minor + 1}" if major == 0 else str(major + 1)
    return f"zoo>={major}.{minor},<{below}"
