"""What a run ran on: for ``environment.json`` and checkpoints."""

from __future__ import annotations

import platform

import torch

from zoo.describe.machine import library_versions
from zoo.train.device import device_name


def versions() -> dict[str, str]:
    """Versions of zoo and of what its results depend on.

    torch's is what torch itself says: its metadata may lack the label of the build, as in
    ``2.14.1+cu130``.
    """
    return {**library_versions(), "torch": str(torch.__version__)}


def environment(device: torch.device) -> dict[str, object]:
    """The machine's part of ``environment.json``."""
    return {
        "versions": versions(),
        "platform": platform.platform(),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
    }
