"""Trained weights that a new run begins with: fine-tuning."""

from __future__ import annotations

import hashlib

from zoo.errors import CheckpointError, StateError
from zoo.nn.sequential import Sequential
from zoo.train.checkpoint import load_checkpoint
from zoo.train.checkpoint_content import load_weights
from zoo.train.find_model import FoundModel


def start_from(model: Sequential, found: FoundModel) -> dict[str, str]:
    """Copy a trained model's weights into a network of the same layers.

    Args:
        model: the network; its values need not be filled.
        found: the trained model.

    Returns:
        What a run records of it: ``name`` and the ``sha256`` of its checkpoint.

    Raises:
        CheckpointError: the checkpoint cannot be used, or its weights have other names or shapes;
            names all that differ.
    """
    content = load_checkpoint(found.path)
    try:
        load_weights(model, content["model"])
    except StateError as error:
        raise CheckpointError(
            f"--weights {found.name}: {error} Use an architecture with that model's layers."
        ) from error
    return {"name": found.name, "sha256": hashlib.sha256(found.path.read_bytes()).hexdigest()}
