"""``FILE.safetensors``: the weights, named as in the state dict, and where they are from."""

from __future__ import annotations

from pathlib import Path

import torch

from zoo import optional
from zoo.errors import ComparisonError
from zoo.export.trained import Trained


def write(trained: Trained, file: Path) -> list[str]:
    """Write the weights and buffers, and compare them bit for bit with what is in the file.

    Returns:
        What there is to say of the file, a line each.

    Raises:
        ComparisonError: something else is in the file.
        UsageError: ``safetensors`` is not installed.
    """
    library = optional.load("safetensors.torch", "safetensors")
    state = {name: value.contiguous() for name, value in trained.network.state_dict().items()}
    said = {"format": "pt", **trained.provenance()}
    file.write_bytes(library.save(state, metadata=said))
    with optional.load("safetensors", "safetensors").safe_open(file, framework="pt") as content:
        same = content.metadata() == said
        found = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - no dict
    same = same and found.keys() == state.keys()
    if not same or not all(_same_bits(found[name], state[name]) for name in state):
        raise ComparisonError(f"{file.name}: has other contents. Nothing was kept.")
    return [f"{len(state)} tensors, read again: the same bit for bit"]


def _same_bits(found: torch.Tensor, value: torch.Tensor) -> bool:
    return found.dtype == value.dtype and torch.equal(
        found.reshape(-1).view(torch.uint8), value.reshape(-1).view(torch.uint8)
    )
