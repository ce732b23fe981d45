"""Layers and whole networks on a GPU compute what they do on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

import zoo
from tests.conformance.cases import LAYERS
from zoo.nn import MSE, Sequential
from zoo.optim import SGD
from zoo.testing import LAYER_CHECKS, LayerCase
from zoo.train import TrainStep

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]

CPU, GPU = torch.device("cpu"), torch.device("cuda")
ARCHITECTURES = Path(__file__).parents[2] / "architectures"
NAMES = ["n2n_small", "r1", "r5"]  # Triton needs about a second for each kernel of each of them
EVERY_CASE = [
    pytest.param(case, id=f"{name}-{case.id}") for name, cases in LAYERS.items() for case in cases
]
(CHECK_DEVICES,) = (check for check in LAYER_CHECKS if check.__name__ == "check_devices")


@pytest.mark.parametrize("case", EVERY_CASE)
def test_a_layer(case: LayerCase) -> None:
    CHECK_DEVICES(case)


def networks(name: str) -> tuple[Sequential, Sequential]:
    """The same one twice, on the CPU and on the GPU."""
    path = ARCHITECTURES / f"{name}.toml"
    there = zoo.load_model(path, device="cpu", seed=1).to(GPU)
    return zoo.load_model(path, device="cpu", seed=1), there


def images(n: int, height: int, width: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x, target = torch.rand(2, n, 3, height, width, generator=generator)
    return x, target


@pytest.mark.parametrize("name", NAMES)
def test_outputs_and_gradients(name: str) -> None:
    here, there = networks(name)
    x, grad_y = images(3, 32, 48)
    for model, device in ((here, CPU), (there, GPU)):
        model.zero_grad()
        y = model.forward(x.to(device))
        model.backward(grad_y.to(device))
        assert y.device.type == device.type
        torch.testing.assert_close(y.cpu(), here.forward(x), rtol=1e-4, atol=1e-5)
    for (key, (_, expected)), (_, gradient) in zip(
        here.named_parameters(), there.param(), strict=True
    ):
        near = 1e-4 * float(expected.abs().max())
        torch.testing.assert_close(gradient.cpu(), expected, rtol=1e-3, atol=near, msg=key)


@pytest.mark.parametrize("name", NAMES)
def test_losses_of_training_steps(name: str) -> None:
    """Ten steps, of which the GPU captures one of each batch size and replays those after it."""
    said: list[str] = []
    found = []
    for model, device in zip(networks(name), (CPU, GPU), strict=True):
        step = TrainStep(model, MSE(), SGD(model.param(), lr=0.1), warn=said.append)
        batches = (images(4 if index % 2 else 2, 32, 32, index) for index in range(16))
        found.append([float(step(x.to(device), target.to(device))) for x, target in batches])
    assert said == []
    assert found[1] == pytest.approx(found[0], rel=1e-4)
