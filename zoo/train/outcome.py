"""Whether a finished training has learned anything."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from zoo.data.evaluation import MEASURED, EvaluationImage
from zoo.describe.signs import no_better, signs_of_layers
from zoo.train.named_layers import NamedLayer
from zoo.train.scores import Evaluation
from zoo.train.statistics import statistics_in

CAUSES = ("saturated", "dead", "vanishing")  # of which the first that is seen is named
FALLEN = 0.99  # of the first epoch's loss: less is no fall
CONSTANT = 1e-3  # of the range from black to white


class OutputRange:
    """What a network's outputs span over all images, channel by channel."""

    def __init__(self) -> None:
        self._low: Tensor | None = None
        self._high: Tensor | None = None

    def see(self, image: EvaluationImage, output: Tensor) -> None:
        """Count an image's output, (C, H, W)."""
        self._include(output.flatten(1).amin(1), output.flatten(1).amax(1))

    def _include(self, low: Tensor, high: Tensor) -> None:
        self._low = low if self._low is None else torch.minimum(self._low, low)
        self._high = high if self._high is None else torch.maximum(self._high, high)

    @classmethod
    def of(cls, parts: Iterable[OutputRange]) -> OutputRange:
        """What several span."""
        whole = cls()
        for part in parts:
            if part._low is not None and part._high is not None:
                whole._include(part._low, part._high)
        return whole

    @property
    def constant(self) -> bool:
        """Whether each channel is the same everywhere, in all images."""
        if self._low is None or self._high is None:
            return False
        return bool((self._high - self._low).max() < CONSTANT)


def nothing_learned(
    evaluation: Evaluation,
    outputs: OutputRange,
    metrics: Sequence[Mapping[str, Any]],
    last_line: Mapping[str, Any] | None,
    layers: Sequence[NamedLayer],
) -> Iterator[str]:
    """Warnings about a run whose result is of no use; none for one that denoises.

    Args:
        evaluation: of the images that were held out.
        outputs: the network's, for these.
        metrics: the lines of ``metrics.jsonl``.
        last_line: of ``statistics.jsonl``; None where there is none.
        layers: the network's.
    """
    measured = [line["val_psnr"] for line in metrics if line["val_psnr"] is not None]
    if measured and not any(map(math.isfinite, measured)):
        yield (
            f"no validation gave a finite PSNR (of {len(measured)}): there is no best epoch, and "
            "the latest weights count. The network's output is not finite in evaluation mode."
        )
        return
    model, noisy = evaluation.model.psnr, evaluation.noisy.psnr
    known = evaluation.compared_with in MEASURED
    if not known or not math.isfinite(noisy) or (model > noisy and not outputs.constant):
        return
    what = no_better(model, noisy)
    if outputs.constant:
        what += " The network's output is the same everywhere, for all images."
    found = dict(signs_of_layers(statistics_in(last_line), layers)) if last_line else {}
    causes = sorted(found, key=lambda key: [*CAUSES, key.split()[0]].index(key.split()[0]))
    if causes:
        yield f"{what} Likely cause: {found[causes[0]]}"
    elif outputs.constant:
        yield f"{what} Likely cause: the learning rate or the initial weights. Use others."
    elif metrics and not any(line["lr"] for line in metrics):
        yield f"{what} The learning rate is 0: nothing was changed."
    elif len(metrics) == 1:
        yield f"{what} One epoch is little: train for more, or with another learning rate."
    elif _still_falls(metrics):
        yield f"{what} The training loss still falls: train for more epochs, or faster."
    else:
        yield f"{what} Use another learning rate or initializer, or more data; see zoo data check."


def _still_falls(metrics: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the latest epoch's training loss is the lowest, and lower than the first."""
    losses = [line["train_loss"] for line in metrics]
    return bool(losses) and losses[-1] == min(losses) and losses[-1] < FALLEN * losses[0]
