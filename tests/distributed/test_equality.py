"""Several ranks compute what one process does: weights, buffers and losses after 20 steps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from tests.distributed.conftest import PLUGINS
from tests.distributed.ranks import ROOT, ended, ranks
from tests.distributed.take_steps import train

TOLERANCE = 1e-10  # of the largest value of a tensor, in float64
pytestmark = pytest.mark.usefixtures("plugins_of_networks")
SHIPPED = ("n2n_small", "r1", "r2", "r3", "r4", "r5", "n2n_unet", "dncnn", "resnet_small")
# Biases before a batch normalisation have no gradient but rounding, which adam makes steps of.
SGD = 'optimizer={type="sgd",lr=0.01}'
NORMALISING = ("dncnn", "resnet_small")

NORMALISED = """
format = 1
name = "normalised"
input = { channels = 3, height = 8, width = 8 }
layers = [
    { type = "conv2d", out_channels = 4, kernel_size = 3, padding = 1 },
    { type = "batch_norm2d" },
    { type = "relu" },
    { type = "conv2d", out_channels = 3, kernel_size = 3, padding = 1 },
]

[data]
source = "demo"
noise = { type = "gaussian", sigma = 25 }
samples_per_epoch = 22

[train]
batch_size = 6
"""


def of_file(name: str, *changes: str) -> str:
    """A shipped network with changes, as :mod:`tests.distributed.take_steps` is given it."""
    return f"{ROOT}/architectures/{name}.toml:{';'.join(changes)}"


def furthest(network: str, of_ranks: Path) -> float:
    """How far tensors are from those of one process, in parts of the largest value of each."""
    with torch.no_grad():
        alone, together = train(network), torch.load(of_ranks)
    distances = [
        (together[name].double() - value.double()).abs().max()
        / value.double().abs().max().clamp(min=1e-30)
        for name, value in alone.items()
    ]
    return float(torch.stack(distances).max())


def distances(
    networks: Sequence[str], count: int, folder: Path, **environment: str
) -> dict[str, float]:
    """:func:`furthest` of each network, trained by so many ranks."""
    arguments = ["-m", "tests.distributed.take_steps", folder, *networks]
    with ranks(count, arguments, ROOT, ZOO_PLUGINS=PLUGINS, **environment) as started:
        assert [(it.code, it.err) for it in ended(started)] == [(0, "")] * count
    return {it: furthest(it, folder / f"{number}.pt") for number, it in enumerate(networks)}


def test_whatever_the_batches_are(tmp_path: Path) -> None:
    """Three ranks: of 4 images, of 2 so that one has none, with masks; of 6 with statistics of the
    batch, and of 4, which each rank then computes.
    """
    (tmp_path / "normalised.toml").write_text(NORMALISED)
    small = ("input.height=8", "input.width=8", "train.batch_size=4", "data.samples_per_epoch=10")
    networks = [
        of_file("n2n_small", *small),
        of_file("n2n_small", *small, 'data.target="blind_spot"', "data.target.fraction=0.02"),
        f"{tmp_path}/normalised.toml:{SGD}",
    ]
    found = distances(networks, 3, tmp_path)
    assert {name: far for name, far in found.items() if far >= TOLERANCE} == {}


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 3, 4])
def test_shipped_networks(count: int, tmp_path: Path) -> None:
    """Batches of 4, and a last one of 2."""
    small = ("input.height=32", "input.width=32", "train.batch_size=4", "data.samples_per_epoch=14")
    networks = [of_file(name, *small, *([SGD] if name in NORMALISING else [])) for name in SHIPPED]
    found = distances(networks, count, tmp_path)
    assert {name: far for name, far in found.items() if far >= TOLERANCE} == {}


@pytest.mark.slow
def test_ranks_of_two_threads(tmp_path: Path) -> None:
    (tmp_path / "normalised.toml").write_text(NORMALISED)
    large = ("input.height=32", "input.width=32", "train.batch_size=8", "data.samples_per_epoch=40")
    networks = [
        of_file("n2n_small", *large),
        f"{tmp_path}/normalised.toml:{';'.join((*large, SGD))}",
    ]
    found = distances(networks, 2, tmp_path, THREADS="2")
    assert {name: far for name, far in found.items() if far >= TOLERANCE} == {}
