from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zoo.architecture import Architecture, parse_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registry, load_registry

# every value that has no default, and nothing else
SMALL = """
format = 1
name = "small"
input = { channels = 3, height = 16, width = 12 }
layers = [{ type = "conv2d", out_channels = 3, kernel_size = [3, 1], padding = "same" }, "relu"]
"""


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The built-ins alone, whatever is installed beside them."""
    return load_registry(discover({"ZOO_PLUGINS": ""}))


@pytest.fixture(scope="session")
def small(registry: Registry) -> Callable[..., Architecture]:
    """``small("train.epochs=3", ..., text=SMALL)``: the small file, read with these changes."""

    def read(*changes: str, text: str = SMALL) -> Architecture:
        base = Path("/models")
        return parse_architecture(
            text, registry, "small.toml", base, parse_overrides(changes, base)
        )

    return read
