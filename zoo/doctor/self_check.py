"""Does the engine compute here what the textbook computes? A second's worth of small networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

import torch
from torch import Tensor

from zoo.doctor.report import ABSENT, PLEASE_REPORT, Finding, problem
from zoo.engine import lower
from zoo.engine.compiled import build as kernels
from zoo.engine.conv.selftest import DTYPES
from zoo.engine.conv.selftest import problem as kernel_problem
from zoo.nn import MSE, Conv2d, ConvTranspose2d, Module, ReLU, Sequential, Sigmoid, Upsampling
from zoo.optim import SGD
from zoo.train.step import TrainStep

STEPS = 5  # the first ones are ordinary, the later ones are replayed
SHAPE = (3, 3, 20, 24)
TOLERANCE: Final[Mapping[str, float]] = MappingProxyType({"cpu": 1e-4, "cuda": 1e-3})  # relative

NETWORKS: Final[Mapping[str, Callable[[torch.Generator], Sequential]]] = MappingProxyType(
    {
        "convolutions": lambda generator: Sequential(
            Conv2d(3, 16, 3, padding=1, generator=generator),
            ReLU(),
            Conv2d(16, 18, 3, padding=1, generator=generator),
            ReLU(),
            Conv2d(18, 3, 5, padding=2, generator=generator),
            Sigmoid(),
        ),
        "strides": lambda generator: Sequential(
            Conv2d(3, 8, 3, stride=2, padding=1, generator=generator),
            ReLU(),
            ConvTranspose2d(8, 8, 4, stride=2, padding=1, generator=generator),
            ReLU(),
            Conv2d(8, 8, 3, stride=2, padding=1, generator=generator),
            ReLU(),
            Upsampling(8, 3, 3, stride=1, padding=1, scale_factor=2, generator=generator),
            Sigmoid(),
        ),
    }
)


def self_check() -> Iterator[Finding]:
    """Inference and training of small networks on each kind of device, and a GPU's kernels."""
    kinds = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    for device in map(torch.device, kinds):
        if device.type == "cuda":
            yield from _kernels(device)
        else:
            yield _compiled()
        for name, build in NETWORKS.items():
            yield _network(name, build, device)


def _network(
    name: str, build: Callable[[torch.Generator], Sequential], device: torch.device
) -> Finding:
    """Whether the lowered network's outputs and trained weights are the textbook's."""
    what = f"{name}, {device.type}"
    difference = max(
        _difference(result(build, device, fast=True), result(build, device, fast=False))
        for result in (_inference, _training)
    )
    text = f"inference and {STEPS} training steps differ from the textbook's by {difference:.0e}"
    if difference <= TOLERANCE[device.type]:
        return Finding(what, text, difference)
    return problem(what, f"{text}, which is no rounding", PLEASE_REPORT, fatal=True)


def _inference(
    build: Callable[[torch.Generator], Sequential], device: torch.device, fast: bool
) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    model: Module = build(generator).to(device).eval()
    model = lower(model) if fast else model
    images = torch.rand(SHAPE, generator=generator).to(device)
    with torch.no_grad():
        return [model(images).clone() for _ in range(STEPS)]


def _training(
    build: Callable[[torch.Generator], Sequential], device: torch.device, fast: bool
) -> list[Tensor]:
    """The weights after a few steps."""
    generator = torch.Generator().manual_seed(0)
    model = build(generator).to(device)
    optimizer, loss = SGD(model.param(), lr=0.1), MSE()
    step = TrainStep(model, loss, optimizer) if fast else None
    with torch.no_grad():
        for _ in range(STEPS):
            x, target = torch.rand((2, *SHAPE), generator=generator).to(device)
            if step is not None:
                step(x, target)
                continue
            model.zero_grad()
            loss.forward(model(x), target)
            model.backward(loss.backward())
            optimizer.step()
    return [value.detach().clone() for value, _ in model.param()]


def _kernels(device: torch.device) -> Iterator[Finding]:
    """Whether convolutions on the GPU are our kernels', or what keeps them from it."""
    for dtype in DTYPES:
        name = f"kernels, {str(dtype).removeprefix('torch.')}"
        reason = kernel_problem(device, dtype)
        advice = "zoo works without, slower. Install Triton and a C compiler, or a newer driver."
        yield problem(name, reason, advice) if reason else Finding(name, "work")


def _compiled() -> Finding:
    """Whether convolutions of 3 x 3 taps on the CPU are compiled kernels', or why not."""
    if reason := kernels.problem():
        advice = "zoo works without, slower."
        return Finding("kernels, cpu", reason, None, ABSENT, advice)
    return Finding("kernels, cpu", f"compiled, vectors of {kernels.lanes()} numbers", "compiled")


def _difference(results: list[Tensor], expected: list[Tensor]) -> float:
    """The largest difference, relative to the largest value of each tensor; inf for NaN."""
    largest = 0.0
    for result, right in zip(results, expected, strict=True):
        scale = right.abs().max().clamp_min(1e-30)
        difference = float(((result - right).abs().max() / scale).nan_to_num(float("inf")))
        largest = max(largest, difference)
    return largest
