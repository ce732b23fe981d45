"""Between a trainer and the content of a checkpoint: what it holds, and how to go on from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from zoo.errors import CheckpointError, StateError
from zoo.train.checkpoint import on_cpu
from zoo.train.checkpoint_content import load_weights
from zoo.train.environment import versions
from zoo.train.progress import Progress
from zoo.train.providers import providers
from zoo.train.random_state import random_state, set_random_state

if TYPE_CHECKING:
    from zoo.train.trainer import Trainer


def content_of(trainer: Trainer) -> dict[str, Any]:
    """The content of a checkpoint of this moment."""
    trainer.progress.loss_sum = float(trainer.loss_sum)
    return {
        "architecture": trainer.architecture.text,
        "model": on_cpu(trainer.model.state_dict()),
        "optimizer": on_cpu(trainer.optimizer.state_dict()),
        "progress": asdict(trainer.progress),
        "rng": {"seed": trainer.architecture.train.seed, **random_state(trainer.device)},
        "plugins": providers(trainer.architecture, trainer.compiler.registry),
        "versions": versions(),
        "metrics": trainer.metrics,
        **({"started_from": dict(trainer.started_from)} if trainer.started_from else {}),
        **({"data": trainer.record.to_plain()} if trainer.record else {}),
        **({"changes": trainer.changes} if trainer.changes else {}),
    }


def restore(trainer: Trainer, content: Mapping[str, Any]) -> None:
    """Go back to the moment of a checkpoint.

    Raises:
        CheckpointError: its weights or optimizer state do not fit the architecture.
    """
    try:
        load_weights(trainer.model, content["model"])
        trainer.optimizer.load_state_dict(content["optimizer"])
        trainer.progress = Progress(**content["progress"])
    except (StateError, TypeError) as error:
        raise CheckpointError(f"the checkpoint does not fit: {error}") from error
    trainer.progress.check(len(trainer.batches), whole="data" in content)
    trainer.metrics = list(content["metrics"])
    trainer.started_from = content.get("started_from")
    trainer.changes = list(content.get("changes", []))
    trainer.loss_sum.fill_(trainer.progress.loss_sum)
    set_random_state(content["rng"], trainer.device)
