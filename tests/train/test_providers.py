"""A checkpoint says who provides what it was made with, and what to install where it is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from zoo.architecture import parse_architecture
from zoo.errors import PluginError
from zoo.plugins.discovery import Failure, Provider
from zoo.plugins.registry import Registered, Registry
from zoo.train.providers import check_providers, providers

PATH = Path("runs/x/best.pkl")
OTHER = Provider("zoo-other", "1.2", "other")
CONV = 'type = "conv2d", out_channels = 3, kernel_size = 1'


@pytest.fixture
def others(registry: Registry) -> Registry:
    """With a layer ``same`` and a second ``relu`` of another distribution."""
    relu = registry.get("layer", "relu").entry
    ours = [Registered(replace(relu, name="same"), OTHER), Registered(relu, OTHER)]
    return Registry([*registry, *ours])


def test_what_is_recorded(others: Registry) -> None:
    text = f"""
format = 1
name = "net"
input = {{ channels = 3, height = 8, width = 8 }}
layers = [{{ {CONV}, init = "zeros" }}, "same", "zoo-other:relu"]
"""
    recorded = providers(parse_architecture(text, others, "net.toml", Path()), others)
    zoo = str(others.get("layer", "conv2d").provider)
    assert recorded == {
        "initializer pytorch": zoo,
        "initializer zeros": zoo,
        "layer conv2d": zoo,
        "layer same": "zoo-other 1.2",
        "layer zoo-other:relu": "zoo-other 1.2",
        "loss mse": zoo,
        "optimizer adam": zoo,
        "schedule constant": zoo,
        "source demo": zoo,
    }
    assert check_providers(PATH, recorded, others) == []


def test_a_plugin_that_is_missing(registry: Registry) -> None:
    for name in ("same", "zoo-other:same"):
        with pytest.raises(PluginError) as caught:
            check_providers(PATH, {f"layer {name}": "zoo-other 1.2"}, registry)
        assert str(caught.value) == (
            f"runs/x/best.pkl: its layer {name} is of zoo-other 1.2. "
            "Install that plugin; zoo's own are in the folder plugins of its repository."
        )


def test_a_plugin_that_cannot_be_used(registry: Registry) -> None:
    failed = Registry(registry, [Failure(OTHER, "cannot be loaded: ImportError('no').")])
    with pytest.raises(PluginError) as caught:
        check_providers(PATH, {"layer same": "zoo-other 1.2"}, failed)
    assert str(caught.value) == (
        "runs/x/best.pkl: its layer same is of zoo-other 1.2. "
        "It cannot be used: plugin zoo-other 1.2: cannot be loaded: ImportError('no')."
    )


def test_another_version_is_told_once(others: Registry) -> None:
    recorded = {"layer same": "zoo-other 1.1", "layer zoo-other:relu": "zoo-other 1.1"}
    assert check_providers(PATH, recorded, others) == [
        "runs/x/best.pkl: made with zoo-other 1.1; zoo-other 1.2 is installed, which may differ"
    ]
