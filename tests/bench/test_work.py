"""Operation counts, against those that torch counts while its reference runs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from zoo.architecture import Architecture, parse_architecture, read_architecture
from zoo.bench.variants import NCHW, Sides
from zoo.bench.work import inference_flop, training_flop
from zoo.compiler import Compiler
from zoo.plugins.registry import load_registry

ARCHITECTURES = Path(__file__).parents[2] / "architectures"
ACTIVATION_FIRST = """
format = 1
name = "net"
input = { channels = 2, height = 6, width = 5 }

[[layers]]
type = "sigmoid"

[[layers]]
type = "conv2d"
out_channels = 4
kernel_size = 3
padding = 1

[[layers]]
type = "linear"
out_features = 5

[[layers]]
type = "conv2d"
out_channels = 2
kernel_size = [1, 3]
padding = "same"

[optimizer]
type = "sgd"

[data]
source = "demo"
noise = { type = "gaussian", sigma = 25 }

[train]
epochs = 1
"""


def counted(spec: Architecture, training: bool) -> int:
    """The operations of a batch of three, as torch counts them."""
    sides = Sides(Compiler(spec, load_registry()), torch.device("cpu"))
    x, target = torch.rand(2, 3, *spec.input.shape)
    with FlopCounterMode(display=False) as counter:
        if training:
            sides.step(NCHW)(x, target)
        else:
            sides.forward(NCHW)(x)
    total: int = counter.get_total_flops()
    return total


@pytest.mark.parametrize("name", ["n2n_small", "r1", "r3"])
def test_shipped_architectures(name: str) -> None:
    spec = read_architecture(ARCHITECTURES / f"{name}.toml", load_registry())
    assert 3 * training_flop(spec.shapes) == counted(spec, training=True)
    assert 3 * inference_flop(spec.shapes) == counted(spec, training=False)


def test_the_first_layer_is_the_first_with_products() -> None:
    spec = parse_architecture(ACTIVATION_FIRST, load_registry(), "net.toml", Path())
    first, linear, last = 2 * 4 * 9 * 30, 4 * 6 * 5 * 5, 4 * 2 * 3 * 30
    assert inference_flop(spec.shapes) == 2 * (first + linear + last)
    assert training_flop(spec.shapes) == 2 * (2 * first + 3 * linear + 3 * last)
