"""The distribution of ``tests/plugin``: layers that contain layers, ``residual`` and ``concat``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registry, load_registry

FOLDER = Path(__file__).parent / "plugin"
NAME = "zoo-containers"


@contextmanager
def installed() -> Iterator[Registry]:
    """A registry of the built-ins and the containers, which can be imported meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(FOLDER))
        registry = load_registry(discover({"ZOO_PLUGINS": NAME}))
        assert registry.failures == ()
        yield registry
