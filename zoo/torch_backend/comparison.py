"""What two runs of one architecture, by zoo and by torch.nn, have in common and not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

BACKENDS = ("zoo", "torch")

Metrics = Sequence[Mapping[str, Any]]  # the lines of metrics.jsonl


@dataclass(frozen=True)
class Epoch:
    """An epoch of both runs.

    Attributes:
        epoch: from 1.
        psnr: of the validation by each backend, in dB; None where there is nothing clean.
        val_loss: of the validation by each.
        seconds: that it took each, validation included.
    """

    epoch: int
    psnr: Mapping[str, float | None]
    val_loss: Mapping[str, float]
    seconds: Mapping[str, float]

    @property
    def difference(self) -> float | None:
        """zoo's PSNR less torch.nn's, in dB; None where there is none."""
        own, other = (self.psnr[name] for name in BACKENDS)
        if own is None or other is None:
            return None
        return 0.0 if own == other else own - other  # two may be infinite

    @property
    def loss_difference(self) -> float:
        """zoo's validation loss less torch.nn's, as a part of torch.nn's."""
        own, other = (self.val_loss[name] for name in BACKENDS)
        return 0.0 if own == other else (own - other) / max(abs(other), 1e-30)


@dataclass(frozen=True)
class Comparison:
    """Two runs of one architecture, side by side.

    Attributes:
        name: of the architecture.
        parameters: of its network.
        epochs: those that both have finished.
        psnr: of the evaluation of each run's best weights, in dB.
        runs: the folder of each run.
        elsewhere: how many of the epochs were trained before, so that another process timed them.
    """

    name: str
    parameters: int
    epochs: tuple[Epoch, ...]
    psnr: Mapping[str, float]
    runs: Mapping[str, str]
    elsewhere: int = 0

    @property
    def seconds(self) -> Mapping[str, float]:
        """What all epochs took each backend."""
        return {name: sum(epoch.seconds[name] for epoch in self.epochs) for name in BACKENDS}

    @property
    def ratio(self) -> float:
        """zoo's time over torch.nn's."""
        own, other = (self.seconds[name] for name in BACKENDS)
        return own / max(other, 1e-9)

    @property
    def median_ratio(self) -> float:
        """The median of the epochs' ratios: what is recorded in the first counts for little."""
        ratios = [it.seconds["zoo"] / max(it.seconds["torch"], 1e-9) for it in self.epochs]
        return median(ratios) if ratios else math.nan

    @property
    def largest_difference(self) -> float | None:
        """The largest magnitude of the epochs' differences in dB; None where there is none."""
        found = [abs(it.difference) for it in self.epochs if it.difference is not None]
        return max(found, default=None)

    @property
    def largest_loss_difference(self) -> float:
        """The largest magnitude of the relative differences of the validation loss."""
        return max((abs(epoch.loss_difference) for epoch in self.epochs), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """For ``zoo compare --json``; its page in the documentation explains the keys."""
        return {
            "name": self.name,
            "parameters": self.parameters,
            "runs": dict(self.runs),
            "psnr": dict(self.psnr),
            "largest_difference": self.largest_difference,
            "largest_loss_difference": self.largest_loss_difference,
            "seconds": dict(self.seconds),
            "ratio": self.ratio,
            "median_ratio": self.median_ratio,
            "epochs_timed_elsewhere": self.elsewhere,
            "epochs": [
                {
                    "epoch": it.epoch,
                    "psnr": dict(it.psnr),
                    "difference": it.difference,
                    "val_loss": dict(it.val_loss),
                    "seconds": dict(it.seconds),
                }
                for it in self.epochs
            ],
        }


def epochs_of(metrics: Mapping[str, Metrics]) -> tuple[Epoch, ...]:
    """The epochs that both runs have finished, from the ``metrics.jsonl`` of each."""

    def both(key: str, lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {name: line[key] for name, line in zip(BACKENDS, lines, strict=True)}

    lines = zip(*(metrics[name] for name in BACKENDS), strict=False)
    return tuple(
        Epoch(
            pair[0]["epoch"],
            both("val_psnr", pair),
            both("val_loss", pair),
            both("seconds", pair),
        )
        for pair in lines
    )
