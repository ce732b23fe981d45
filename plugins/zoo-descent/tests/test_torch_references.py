"""The torch references that ``zoo bench`` compares with take the same steps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zoo.architecture import parse_architecture
from zoo.bench.images import images
from zoo.bench.variants import NCHW, ZOO, Sides
from zoo.compiler import Compiler
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry

pytest.importorskip("zoo_descent", reason="zoo-descent is not installed")

NET = """
format = 1
name = "net"
input = { channels = 3, height = 6, width = 6 }

[[layers]]
type = "conv2d"
out_channels = 3
kernel_size = 3
padding = 1

[data]
source = "demo"
noise = { type = "gaussian", sigma = 25 }

[train]
epochs = 1
"""
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    "options",
    [
        "lr = 0.01, betas = [0.8, 0.9], eps = 1e-4, weight_decay = 0.1",
        "lr = 0.01, amsgrad = true, maximize = true",
    ],
)
def test_adamw(options: str) -> None:
    check(f'{{ type = "adamw", {options} }}')


@pytest.mark.parametrize(
    "options",
    [
        "lr = 0.01, alpha = 0.9, eps = 1e-4, weight_decay = 0.1, momentum = 0.5",
        "lr = 0.01, centered = true, maximize = true",
    ],
)
def test_rmsprop(options: str) -> None:
    check(f'{{ type = "rmsprop", {options} }}')


def check(optimizer: str) -> None:
    """In float64 the losses of ten steps are those of torch."""
    registry = load_registry(discover({"ZOO_PLUGINS": "zoo-descent"}))
    spec = parse_architecture(f"optimizer = {optimizer}\n{NET}", registry, "net.toml", Path())
    sides = Sides(Compiler(spec, registry), CPU)
    x, target = (image.double() for image in images(spec.input.shape, 4, CPU))
    own, other = (sides.step(variant, torch.float64) for variant in (ZOO, NCHW))
    losses = [float(own(x, target)) for _ in range(10)]
    assert losses == pytest.approx([float(other(x, target)) for _ in range(10)], rel=1e-9)
    assert len(set(losses)) == 10
