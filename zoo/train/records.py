"""Figures of the layers and pictures of held-out images, kept after each epoch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import Tensor

from zoo.data.evaluation import EvaluationImage
from zoo.train.kept_images import ExampleImages
from zoo.train.run_directory import RunDirectory
from zoo.train.signs import Signs

if TYPE_CHECKING:
    from zoo.train.trainer import Trainer


class Records:
    """Those of a run, kept by the process that writes its folder; the others keep none.

    Args:
        trainer: of the run, at its start or as it is resumed.
        directory: where they are kept.
        warn: called with early signs that the run will not do well, and with what cannot be kept.
    """

    def __init__(
        self, trainer: Trainer, directory: RunDirectory, warn: Callable[[str], object]
    ) -> None:
        self._trainer = trainer
        self._signs = Signs(trainer, directory, warn) if directory.writes else None
        self._examples = ExampleImages(directory.images, warn)

    def begin(self) -> None:
        """The images of an epoch follow."""
        self._examples.begin()

    def see(self, image: EvaluationImage, output: Tensor) -> None:
        """One of the first held-out images, and what the network made of it, clipped."""
        self._examples.see(image, output)

    def after_epoch(self) -> None:
        """Keep what belongs to the epoch that is finished."""
        if self._signs is not None:
            self._examples.after_epoch(self._trainer.progress.epoch)
            self._signs.after_epoch()

    def go_back(self) -> None:
        """Leave out what came after the step that the run has gone back to."""
        if self._signs is not None:
            self._signs.go_back()

    def end(self) -> None:
        """Write what is not written yet of a run that is not finished."""
        if not self._trainer.is_finished:  # the evaluation writes others
            self._examples.write()
