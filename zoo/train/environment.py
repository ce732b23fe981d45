"""What a run ran on: for ``environment.json`` and checkpoints."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from zoo.describe.machine import library_versions
from zoo.engine.compiled import build
from zoo.train.device import device_name


def versions() -> dict[str, str]:
    """Versions of zoo and of what its results depend on.

    torch's is what torch itself says: its metadata may lack the label of the build, as in
    ``2.14.1+cu130``.
    """
    return {**library_versions(), "torch": str(torch.__version__)}


def environment(device: torch.device, processes: int = 1) -> dict[str, object]:
    """The machine's part of ``environment.json``; how many processes train there is a part."""
    return {
        "versions": versions(),
        "platform": platform.platform(),
        "device": device_name(device),
        "threads": torch.get_num_threads(),
        "processes": processes,
        "cuda": torch.version.cuda,
    }


def convolutions(device: torch.device, backend: str) -> str:
    """What computes those of a run on a CPU; "" on others, and by torch.nn."""
    if device.type != "cpu" or backend != "zoo":
        return ""
    return "matrix products" if build.problem() else "compiled kernels"


def environment_remarks(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What differs so that a resumed run is not the same to the last bit.

    Args:
        before: ``environment.json`` of the run, or what of it could be read.
        now: :func:`environment`, and :func:`convolutions` of the run.
    """
    names = {
        "device": "the device",
        "threads": "the number of threads",
        "processes": "the number of processes",
        "convolutions": "what computes convolutions",
    }
    for key, name in names.items():
        if key in before and before[key] != now[key]:
            yield (
                f"{name} was {before[key]} and is {now[key]}: the run goes on, and differs in the "
                "last bits from one that was not interrupted"
            )
