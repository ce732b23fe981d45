"""What a user names as a model: a run's folder or a checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.plugins.registry import Registry
from zoo.train.run_directory import find_checkpoint


@dataclass(frozen=True)
class FoundModel:
    """A trained model.

    Attributes:
        name: how to call it: the run's folder, the file or the installed model's name.
        path: its checkpoint.
        weights: which of a run's weights these are: ``best``, ``last``, or the file's own name.
    """

    name: str
    path: Path
    weights: str


def find_model(model: str | Path, registry: Registry) -> FoundModel:
    """The trained model that a user names.

    Args:
        model: a run's folder (its ``best.pkl``, else its ``last.pkl``) or a checkpoint.
        registry: what is installed.

    Raises:
        CheckpointError: there is none.
    """
    path, weights = find_checkpoint(Path(model))
    return FoundModel(str(model), path, weights)
