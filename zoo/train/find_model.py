"""What a user names as a model: a run's folder, a checkpoint, or an installed model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo.errors import CheckpointError
from zoo.plugins.registry import Registry
from zoo.plugins.suggestions import unknown_name
from zoo.train.run_directory import find_checkpoint


@dataclass(frozen=True)
class FoundModel:
    """A trained model.

    Attributes:
        name: how to call it: the run's folder, the file or the installed model's name.
        path: its checkpoint.
        weights: which of a run's weights these are: ``best``, ``last``, the file's own name, or
            the installed model's.
    """

    name: str
    path: Path
    weights: str


def find_model(model: str | Path, registry: Registry) -> FoundModel:
    """The trained model that a user names.

    A file or folder of that name is taken before an installed model.

    Args:
        model: a run's folder (its ``best.pkl``, else its ``last.pkl``), a checkpoint, or the name
            of an installed model, as ``DISTRIBUTION:NAME`` where several have it. An installed
            model's file is compared with the sha256 that it was published with.
        registry: what is installed.

    Raises:
        CheckpointError: there is none, or an installed model's file is missing or another.
        PluginError: several plugins provide the name.
    """
    path, name = Path(model), str(model)
    if path.exists():
        path, weights = find_checkpoint(path)
        return FoundModel(name, path, weights)
    try:
        entry = registry.model(name).entry
    except KeyError:
        raise _unknown(name, registry) from None
    return FoundModel(name, entry.verified_path(), entry.name)


def _unknown(name: str, registry: Registry) -> CheckpointError:
    problem = f"{name}: no run, checkpoint or installed model of that name."
    names = sorted({model.entry.name for model in registry.models})
    return CheckpointError(
        unknown_name(problem, name, names, "Installed models", registry.failed_plugins())
    )
