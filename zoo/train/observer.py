"""Who is told how training goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from zoo.train.trainer import Trainer


class Observer(Protocol):
    """Who is told how training goes."""

    def on_step(self, trainer: Trainer) -> None:
        """A step has been taken."""

    def on_epoch(self, metrics: Mapping[str, Any]) -> None:
        """An epoch is finished, validated and saved; its line of ``metrics.jsonl``."""

    def on_kept(self, metrics: Mapping[str, Any]) -> None:
        """All figures and pictures of that epoch are in the run's folder."""

    def on_warning(self, message: str) -> None:
        """Something that the user should know."""
