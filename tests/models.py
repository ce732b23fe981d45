"""Distributions with a trained model, made where a test wants them."""

from __future__ import annotations

import hashlib
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import tomli_w

from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registry, load_registry

CARD: dict[str, Any] = {
    "title": "Small pictures of a test",
    "channels": 3,
    "for": ["Tests."],
    "not_for": ["Photographs."],
    "limitations": ["It has seen five pictures."],
    "licence": "CC0-1.0",
    "attribution": "Nobody need be named.",
    "training": {
        "command": "zoo run tiny.toml",
        "noise": "gaussian, sigma 0 to 50",
        "targets": "noisy",
        "data": [{"pictures": "0 to 4", "authors": "a generator", "licence": "CC0-1.0"}],
    },
}
PLUGIN = """
import zoo

@zoo.hookimpl
def zoo_models():
    yield zoo.ModelEntry(
        name={name!r}, file="{package}:weights.pkl", sha256={sha256!r},
        card="{package}:card.toml", summary="for a test",
    )
"""


def install(
    folder: Path,
    checkpoint: Path,
    name: str = "tiny-photo",
    distribution: str = "zoo-t-models",
    card: dict[str, Any] = CARD,
) -> Path:
    """Install a distribution with one model into ``folder``; gives its package's folder."""
    package = folder / distribution.replace("-", "_")
    package.mkdir()
    shutil.copy(checkpoint, package / "weights.pkl")
    sha256 = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    text = PLUGIN.format(name=name, package=package.name, sha256=sha256)
    (package / "__init__.py").write_text(text)
    (package / "card.toml").write_text(tomli_w.dumps(card))
    info = folder / f"{package.name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[zoo]\nmodels = {package.name}\n")
    return package


@contextmanager
def installed(folder: Path) -> Iterator[Registry]:
    """A registry of the built-ins and all that is installed in ``folder``."""
    names = [path.name.split("-")[0] for path in folder.glob("*.dist-info")]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        distributions = ",".join(name.replace("_", "-") for name in names)
        patch.setenv("ZOO_PLUGINS", distributions)
        try:
            yield load_registry(discover())
        finally:
            for name in names:
                sys.modules.pop(name, None)
