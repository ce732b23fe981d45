"""The states of torch's global generators, which layers may draw from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from zoo.errors import CheckpointError


def random_state(device: torch.device) -> dict[str, Any]:
    """Those of the CPU, ``torch``, and of the device, ``cuda``; None where it is no GPU."""
    cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
    return {"torch": torch.get_rng_state(), "cuda": cuda}


def set_random_state(state: Mapping[str, Any], device: torch.device) -> None:
    """Go back to what :func:`random_state` gave, of another device as far as there is one.

    Raises:
        CheckpointError: it is no state of a generator.
    """
    try:
        torch.set_rng_state(state["torch"])
    except RuntimeError as error:  # as many bytes as it has, and others
        raise CheckpointError(
            "the checkpoint does not fit: rng.torch is no state of torch's generator."
        ) from error
    if device.type == "cuda" and state["cuda"] is not None:
        torch.cuda.set_rng_state(state["cuda"], device)
