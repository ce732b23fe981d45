"""The torch references of all layers: outputs, gradients and losses."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from zoo.architecture import parse_architecture
from zoo.bench.benchmark import Plan, benchmark
from zoo.compiler import Compiler
from zoo.data.seeding import generator
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry
from zoo.testing import check_against_torch
from zoo.torch_backend.references import References

pytest.importorskip("zoo_unet", reason="zoo-unet is not installed")

ALL = """
format = 1
name = "net"
input = { channels = 3, height = 10, width = 7 }
layers = [
    { type = "leaky_relu", negative_slope = 0.2 },
    { type = "conv2d", out_channels = 3, kernel_size = 3, padding = 1 },
    { type = "leaky_relu", negative_slope = -0.5 },
    { type = "conv2d", out_channels = 3, kernel_size = 3, padding = 1 },
    { type = "leaky_relu" },
    { type = "max_pool2d", kernel_size = 3, stride = 1, padding = 1, dilation = 1 },
    { type = "reflect_pad", multiple = [4, 6], body = [
        { type = "skip", body = [
            { type = "max_pool2d", kernel_size = 2 },
            { type = "leaky_relu" },
            { type = "conv2d", out_channels = 4, kernel_size = 3, padding = 1 },
            { type = "nearest_upsampling", scale_factor = 2 },
        ] },
    ] },
    { type = "conv2d", out_channels = 3, kernel_size = 1 },
]

[optimizer]
type = "sgd"
lr = 0.1

[data]
source = "demo"
noise = { type = "gaussian", sigma = 25 }

[train]
epochs = 1
"""


def test_outputs_and_gradients_of_every_layer() -> None:
    registry = load_registry(discover({"ZOO_PLUGINS": "zoo-unet"}))
    compiler = Compiler(parse_architecture(ALL, registry, "net.toml", Path()), registry)
    for item in registry:
        if item.provider.distribution == "zoo-unet":
            assert f'"{item.entry.name}"' in ALL
    model = compiler.model(generator(0)).to(torch.float64)
    reference = References(compiler).model(model)
    x = torch.randn((2, *compiler.architecture.input.shape), dtype=torch.float64)
    check_against_torch(model, reference, x)


def test_activations_overwrite_what_nothing_else_needs() -> None:
    registry = load_registry(discover({"ZOO_PLUGINS": "zoo-unet"}))
    compiler = Compiler(parse_architecture(ALL, registry, "net.toml", Path()), registry)
    modules = list(References(compiler).model(compiler.model(generator(0))).modules())
    slopes = [
        (module.negative_slope, module.inplace)
        for module in modules
        if isinstance(module, torch.nn.LeakyReLU)
    ]
    # torch cannot go back from an overwritten input where the slope is negative.
    assert slopes == [(0.2, False), (-0.5, False), (0.01, True), (0.01, False)]


def test_the_losses_of_training_agree() -> None:
    registry = load_registry(discover({"ZOO_PLUGINS": "zoo-unet"}))
    spec = parse_architecture(ALL, registry, "net.toml", Path())
    plan = Plan(training=(2,), inference=(1,), rounds=1, compiled=False, memory=False)
    report = benchmark(spec, registry, torch.device("cpu"), plan)
    assert report.agreement is not None
    assert max(report.agreement.differences.values()) < 1e-5
    assert len(report.cases) == 2
