from __future__ import annotations

from importlib.util import find_spec

import pytest

PLUGINS = "zoo-unet,zoo-residual"  # that have layers of shipped networks


@pytest.fixture
def plugins_of_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skips where they are not installed."""
    for name in PLUGINS.split(","):
        if find_spec(name.replace("-", "_")) is None:
            pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("ZOO_PLUGINS", PLUGINS)
