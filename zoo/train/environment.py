"""What a run ran on: for ``environment.json`` and checkpoints."""

from __future__ import annotations

import platform
from importlib.metadata import version

import torch

from zoo.train.device import device_name


def versions() -> dict[str, str]:
    """Versions of zoo and of what its results depend on."""
    packages = ("zoo", "torch", "numpy", "scikit-image", "pillow")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def environment(device: torch.device) -> dict[str, object]:
    """The machine's part of ``environment.json``."""
    return {
        "versions": versions(),
        "platform": platform.platform(),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "cuda": torch.version.cuda,
    }
