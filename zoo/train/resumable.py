"""Whether a run can go on from a checkpoint: its architecture is the same, or nearly so."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli

from zoo.architecture import Architecture
from zoo.data.pairings.base import Pairing
from zoo.errors import CheckpointError, format_value
from zoo.train.checkpoint import is_for_inference
from zoo.train.trainer import Trainer

# What may change from one part of a run to the next; each change is said and recorded.
MAY_CHANGE = re.compile(
    r"train\.(epochs|schedule|checkpoint_every|on_divergence)(\.|$)|optimizer\.lr$"
)
JUMP = 0.5  # of a learning rate: what is said
PLACES = re.compile(r"data\.(source|validation)(\.|$)")


def check_resumable(
    path: Path, content: Mapping[str, Any], architecture: Architecture
) -> dict[str, tuple[Any, Any]]:
    """Refuse to go on with a run of another architecture.

    Only what :data:`MAY_CHANGE` names may differ, and where the images are, if the run has recorded
    them.

    Returns:
        For each key of :data:`MAY_CHANGE` that differs what it was and is; None where it is not
        set.

    Raises:
        CheckpointError: they differ; names the keys. Or the checkpoint is for inference alone.
    """
    if is_for_inference(content):
        raise CheckpointError(
            f"{path}: for inference alone, without the optimizer's state: it cannot be resumed. "
            "Start a new run from its weights with --weights."
        )
    try:
        before = dict(_flat(tomli.loads(content["architecture"])))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(
            f"{path}: architecture: is no TOML. Use a .pkl file that zoo has written."
        ) from error
    before.setdefault("train.backend", "zoo")  # of checkpoints of before there was another
    now = dict(_flat(tomli.loads(architecture.text)))
    # A name stands for a table with that type: data.target was a name in earlier checkpoints.
    before = {f"{key}.type" if f"{key}.type" in now else key: it for key, it in before.items()}
    changed = {key: (before.get(key), now.get(key)) for key in sorted({*before, *now})}
    changed = {key: values for key, values in changed.items() if values[0] != values[1]}
    allowed = {key: values for key, values in changed.items() if MAY_CHANGE.match(key)}
    # Of the images it is compared what is found there.
    places = {key for key in changed if "data" in content and PLACES.match(key)}
    if differences := [
        f"{key} was {_shown(values[0])}, is {_shown(values[1])}"
        for key, values in changed.items()
        if key not in allowed and key not in places
    ]:
        raise CheckpointError(
            f"{path}: another architecture: {'; '.join(differences)}. Only train.epochs, "
            "train.schedule, train.checkpoint_every, train.on_divergence, optimizer.lr and the "
            f"images' place may change: take {path.parent / 'architecture.toml'}, the run's own "
            "file, with --epochs, --data or --set."
        )
    return allowed


def record_changes(trainer: Trainer, keys: Mapping[str, tuple[Any, Any]]) -> Iterator[str]:
    """Keep in a trainer's checkpoints what it does otherwise than before it was resumed.

    Args:
        trainer: with the checkpoint restored.
        keys: as :func:`check_resumable` returns them.

    Yields:
        A sentence for each, and one for a jump of the learning rate.
    """
    step = trainer.progress.step
    # What was not set may be a key that there was not yet, with the default that held before.
    changed = {
        key: values
        for key, values in keys.items()
        if values[0] is not None or key.startswith("train.schedule.")
    }
    for key, values in changed.items():
        before, after = ("" if value is None else value for value in values)
        trainer.changes.append({"step": step, "key": key, "before": before, "after": after})
        yield f"{key} was {_shown(values[0])}, is {_shown(values[1])} from here on"
    if "optimizer.lr" in changed:
        trainer.progress.lr_factor = 1.0  # it is what the user wants now
    if changed and step and trainer.steps_left > 0:
        last, following = trainer.optimizer.lr, trainer.lr_of(step)
        if abs(following - last) > JUMP * max(last, following):
            schedule = trainer.architecture.train.schedule.type
            yield (
                f"the learning rate goes from {last:.3g} to {following:.3g}, where the schedule "
                f"{schedule} is now"
            )
    if "train.epochs" in changed and type(trainer.pairing).correct is not Pairing.correct:
        yield (
            f"{trainer.architecture.data.target.type} goes by the part of the run that is done: "
            "the run is not the same as one that was that long from its beginning"
        )


def _shown(value: Any) -> str:
    return "not set" if value is None else format_value(value)


def _flat(value: Any, key: str = "") -> list[tuple[str, Any]]:
    """All values of a nested document with their dotted keys."""
    if isinstance(value, dict):
        items = [(f"{key}.{name}" if key else name, item) for name, item in value.items()]
    elif isinstance(value, list):
        items = [(f"{key}.{index}", item) for index, item in enumerate(value)]
    else:
        return [(key, value)]
    return [pair for name, item in items for pair in _flat(item, name)]
