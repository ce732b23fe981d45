"""What a benchmark ran on, and how fast that is at its best."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from zoo.bench.timing import Stopwatch, stopwatch_of
from zoo.describe.machine import cpu_name
from zoo.engine.compiled import build as kernels
from zoo.train.environment import environment
from zoo.train.precision import products_in

SIZES = (512, 1024, 2048)  # of the square matrices; larger ones are no faster
TRIALS = 5


@contextmanager
def equal_precision(precision: str) -> Iterator[None]:
    """Products of matrices and cuDNN's convolutions alike with TF32, or without.

    cuDNN also tries its algorithms and takes the fastest, as one has it for images of one size.
    """
    cudnn = torch.backends.cudnn
    before = cudnn.allow_tf32, cudnn.benchmark
    cudnn.allow_tf32, cudnn.benchmark = precision == "tf32", True
    try:
        with products_in(precision):
            yield
    finally:
        cudnn.allow_tf32, cudnn.benchmark = before


def machine(device: torch.device, precision: str) -> dict[str, Any]:
    """What the figures are of: versions, device, threads, and the measured product rate."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    return {
        **environment(device),
        "precision": precision,
        "cpu": cpu_name(),
        "kernels": kernels.problem() or "compiled" if device.type == "cpu" else "",
        "matmul_gflops": matmul_gflops(device, dtype, stopwatch_of(device)),
    }


def matmul_gflops(device: torch.device, dtype: torch.dtype, stopwatch: Stopwatch) -> float:
    """The rate of products of square matrices in GFLOP/s: the best of a few sizes."""
    rates: list[float] = []
    for size in SIZES:
        a, b, product = torch.ones(3, size, size, dtype=dtype, device=device)

        def multiply(a: torch.Tensor = a, b: torch.Tensor = b, out: torch.Tensor = product) -> None:
            torch.mm(a, b, out=out)

        multiply()
        best = min(stopwatch(multiply, 1) for _ in range(TRIALS))
        rates.append(2 * size**3 / best / 1e9)
    return max(rates)
