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

pytest.importorskip("zoo_residual", reason="zoo-residual is not installed")

ALL = """
format = 1
name = "net"
input = { channels = 3, height = 8, width = 6 }
layers = [
    { type = "residual", scale = 0.3, sign = "minus", body = [
        { type = "prelu", num_parameters = 3 },
        { type = "pixel_unshuffle", downscale_factor = 2 },
        { type = "conv2d", out_channels = 12, kernel_size = 3, padding = 1, bias = false },
        { type = "batch_norm2d", eps = 1e-3, momentum = 0.3 },
        { type = "relu" },
        { type = "batch_norm2d", affine = false, track_running_stats = false },
        { type = "gelu", approximate = "tanh" },
        { type = "conv2d", out_channels = 12, kernel_size = 1 },
        { type = "pixel_shuffle", upscale_factor = 2 },
        { type = "residual", body = [{ type = "gelu" }, { type = "prelu", init = 0.1 }] },
    ] },
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
    registry = load_registry(discover({"ZOO_PLUGINS": "zoo-residual"}))
    compiler = Compiler(parse_architecture(ALL, registry, "net.toml", Path()), registry)
    for item in registry:
        if item.provider.distribution == "zoo-residual":
            assert f'"{item.entry.name}"' in ALL
    model = compiler.model(generator(0)).to(torch.float64)
    reference = References(compiler).model(model)
    x = torch.randn((2, *compiler.architecture.input.shape), dtype=torch.float64)
    check_against_torch(model, reference, x)


def test_the_losses_of_training_agree() -> None:
    registry = load_registry(discover({"ZOO_PLUGINS": "zoo-residual"}))
    spec = parse_architecture(ALL, registry, "net.toml", Path())
    plan = Plan(training=(2,), inference=(1,), rounds=1, compiled=False, memory=False)
    report = benchmark(spec, registry, torch.device("cpu"), plan)
    assert report.agreement is not None
    assert max(report.agreement.differences.values()) < 1e-5
    assert len(report.cases) == 2
