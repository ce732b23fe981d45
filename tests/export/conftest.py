from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from zoo.architecture import parse_architecture
from zoo.architecture.infer_shapes import ShapeInference
from zoo.compiler import Compiler
from zoo.export.trained import Trained
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry
from zoo.train.session import initial_model

ROOT = Path(__file__).parents[2]

TINY = """
format = 1
name = "tiny"
description = "For these tests."
input = { channels = 3, height = 16, width = 16 }

[[layers]]
type = "conv2d"
out_channels = 4
kernel_size = 3
stride = 2
padding = 1

[[layers]]
type = "relu"

[[layers]]
type = "upsampling"
out_channels = 3
kernel_size = 3
padding = 1

[optimizer]
type = "adam"

[data]
source = "demo"
noise = { type = "gaussian", sigma = 25 }
"""


def trained(text: str, plugins: str = "", folder: Path = ROOT) -> Trained:
    """A network with all kinds of values, none of them zero."""
    registry = load_registry(discover({"ZOO_PLUGINS": plugins}))
    spec = parse_architecture(text, registry, "arch.toml", folder)
    network = initial_model(Compiler(spec, registry), seed=0).eval()
    draws = torch.Generator().manual_seed(0)
    for value in network.state_dict().values():
        if value.is_floating_point() and len(value.unique()) == 1:  # zeros, ones
            value.uniform_(0.01, 0.1, generator=draws)
    return Trained(
        name="run",
        file="run/best.pkl",
        architecture=spec,
        registry=registry,
        network=network,
        rules=ShapeInference(registry, spec.root).size_rules(spec.shapes),
        metrics={"epoch": 1, "val_psnr": 30.5},
        versions={"zoo": "0.1.0"},
        text=spec.text,
    )


@pytest.fixture
def make() -> Callable[..., Trained]:
    """``make(text, "zoo-unet")``: the network of an architecture, as if it were trained."""
    return trained


@pytest.fixture
def tiny() -> Trained:
    return trained(TINY)
