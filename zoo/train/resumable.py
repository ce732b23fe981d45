"""Whether a run can go on from a checkpoint: its architecture is the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli

from zoo.architecture import Architecture
from zoo.errors import CheckpointError, format_value
from zoo.train.checkpoint import is_for_inference


def check_resumable(path: Path, content: Mapping[str, Any], architecture: Architecture) -> None:
    """Refuse to go on with a run of another architecture.

    Only the number of epochs may change, and where the images are, if the run has recorded them.

    Raises:
        CheckpointError: they differ; names the keys. Or the checkpoint is for inference alone.
    """
    if is_for_inference(content):
        raise CheckpointError(
            f"{path}: for inference alone, without the optimizer's state: it cannot be resumed. "
            "Start a new run from its weights with --weights."
        )
    may_change = r"train\.epochs$"
    if "data" in content:  # what is found there is compared
        may_change += r"|data\.(source|validation)(\.|$)"
    try:
        before = dict(_flat(tomli.loads(content["architecture"])))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: architecture: is no TOML. Use a .pkl file that zoo has written."
        ) from error
    now = dict(_flat(tomli.loads(architecture.text)))
    # A name stands for a table with that type: data.target was a name in earlier checkpoints.
    before = {f"{key}.type" if f"{key}.type" in now else key: it for key, it in before.items()}
    differences = [
        f"{key} was {format_value(before.get(key, 'not set'))}, "
        f"is {format_value(now.get(key, 'not set'))}"
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key) and not re.match(may_change, key)
    ]
    if differences:
        raise CheckpointError(
            f"{path}: another architecture: {'; '.join(differences)}. Only train.epochs and "
            f"the images' place may change: take {path.parent / 'architecture.toml'}, the run's "
            "own file, with --epochs and --data."
        )


def _flat(value: Any, key: str = "") -> list[tuple[str, Any]]:
    """All values of a nested document with their dotted keys."""
    if isinstance(value, dict):
        items = [(f"{key}.{name}" if key else name, item) for name, item in value.items()]
    elif isinstance(value, list):
        items = [(f"{key}.{index}", item) for index, item in enumerate(value)]
    else:
        return [(key, value)]
    return [pair for name, item in items for pair in _flat(item, name)]
