from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests import tiny
from zoo.architecture import parse_architecture
from zoo.architecture.infer_shapes import ShapeInference
from zoo.compiler import Compiler
from zoo.export.trained import Trained
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry
from zoo.train.session import initial_model

ROOT = Path(__file__).parents[2]

TINY = tiny.TINY.replace('name = "tiny"', 'name = "tiny"\ndescription = "For these tests."')
TINY = TINY.replace('source = "photos"', 'source = "demo"')


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
        metrics={
            **{"epoch": 1, "step": 5, "train_loss": 0.1, "val_loss": 0.1, "val_psnr": 30.5},
            **{"lr": 1e-3, "seconds": 1.0},
        },
        versions={"zoo": "0.1.0"},
        text=spec.text,
    )


@pytest.fixture
def make() -> Callable[..., Trained]:
    """``make(text, "zoo-unet")``: the network of an architecture, as if it were trained."""
    return trained


@pytest.fixture(name="tiny")
def tiny_network() -> Trained:
    return trained(TINY)
