"""What a training step computes in: ``[train] precision``.

============ =====================================================================================
``float32``  every number and every product in float32; TF32 is off
``fast``     float32, where convolutions of 3 x 3 taps and their input's gradients may round three
             times more: they differ by 1e-5 where they are of size 1. CPUs only
``tf32``     the factors of matrix products are rounded to TF32 (10 bits after the point instead of
             23), as tensor cores take them; everything else in float32. NVIDIA GPUs only
``bfloat16`` forward and backward pass in bfloat16 (7 bits after the point), with a copy of the
             weights; the weights themselves, the loss, the gradients that are kept and the
             optimizer in float32, without which small updates of a weight would be rounded away
============ =====================================================================================

bfloat16 has the range of float32, so losses need no scaling. Only training steps differ:
validation, checkpoints and evaluation are float32 with each.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zoo.architecture import Architecture

FIRST_WITH_TF32 = (8, 0)  # the compute capability of Ampere


def check_precision(spec: Architecture, device: torch.device) -> None:
    """Refuse a precision that the device does not have, instead of computing in another one.

    Raises:
        ArchitectureError: ``train.precision`` is "tf32", and the device has no TF32, or "fast", and
            the device is no CPU.
    """
    fast = ', "fast"' if device.type == "cpu" else ""
    if spec.train.precision == "tf32" and not _has_tf32(device):
        raise spec.error(
            ("train", "precision"),
            f'is "tf32", and the device {device} has no TF32. '
            f'Use "float32"{fast} or "bfloat16", or an NVIDIA GPU of compute capability 8.0 or '
            "later.",
        )
    if spec.train.precision == "fast" and device.type != "cpu":
        raise spec.error(
            ("train", "precision"),
            f'is "fast", which is for CPUs, and the device is {device}. '
            'Use "float32", "tf32" or "bfloat16", or --device cpu.',
        )


def _has_tf32(device: torch.device) -> bool:
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= FIRST_WITH_TF32


@contextmanager
def products_in(precision: str) -> Iterator[None]:
    """Within it matrix products of float32 are those of ``precision``; afterwards as before."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
