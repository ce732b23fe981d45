"""Early signs that a run will not do well, each warned of once, as it appears."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from zoo.describe.signs import (
    Sign,
    signs_of_layers,
    signs_of_losses,
    signs_of_rate,
    signs_of_swings,
)
from zoo.errors import WriteError, format_error
from zoo.train.named_layers import named_layers
from zoo.train.run_directory import RunDirectory
from zoo.train.statistics import line_of, measure, read_statistics, statistics_in

if TYPE_CHECKING:
    from zoo.train.trainer import Trainer


class Signs:
    """Measures a run's layers after each epoch, keeps the figures, and warns.

    Args:
        trainer: of the run, at its start or as it is resumed.
        directory: where ``statistics.jsonl`` is.
        warn: called with each warning.
    """

    def __init__(
        self, trainer: Trainer, directory: RunDirectory, warn: Callable[[str], object]
    ) -> None:
        self._trainer, self._directory, self._warn = trainer, directory, warn
        self._layers = named_layers(trainer.architecture, trainer.model)
        step = trainer.progress.step
        self._lines: list[dict[str, Any]] = []
        self._told: set[str] = set()
        self._measured = self._written = True
        if step:
            self._lines, wrong = read_statistics(directory.statistics, step, self._layers)
            if wrong:
                warn(f"{directory.statistics}: {wrong}: it is written anew from there on")
        for line in self._lines:
            self._told |= {key for key, _ in self._signs(line)}
        for epoch in range(len(trainer.metrics)):
            until = trainer.metrics[: epoch + 1]
            self._told |= {key for key, _ in signs_of_losses(until)}
            self._told |= {key for key, _ in signs_of_swings(until, (), self._layers)}
        done = trainer.progress.epoch
        known = self._lines[-1]["epoch"] if self._lines else -1
        if trainer.progress.step_in_epoch == 0 and known < done:  # the start, or it was cut off
            self._look(max(done - 1, 0))

    def after_epoch(self) -> None:
        """Measure, when an epoch is finished, and warn of what is new."""
        self._look(self._trainer.progress.epoch - 1)
        self._tell(signs_of_losses(self._trainer.metrics))
        if self._lines:
            statistics = statistics_in(self._lines[-1])
            self._tell(signs_of_swings(self._trainer.metrics, statistics, self._layers))

    def go_back(self) -> None:
        """Leave out what came after the step that the run has gone back to."""
        step = self._trainer.progress.step
        self._lines = [line for line in self._lines if line["step"] <= step]

    def _look(self, epoch: int) -> None:
        if not self._measured:
            return
        try:
            statistics, images = measure(self._trainer, self._layers, epoch)
        except Exception as error:  # a plugin's layer need not allow copies; training goes on
            self._measured = False
            self._warn(f"the layers' figures cannot be measured: {format_error(error)}")
            return
        line = line_of(self._trainer, statistics, images)
        self._lines.append(line)
        self._write()
        self._tell(self._signs(line))

    def _write(self) -> None:
        """Write the file; that it cannot be written is said once, and training goes on."""
        try:
            self._directory.write_statistics(self._lines)
        except WriteError as error:
            if self._written:
                self._warn(f"{error} Training goes on without the layers' figures.")
            self._written = False

    def _signs(self, line: Mapping[str, Any]) -> Iterator[Sign]:
        """All that a line shows, told already or not."""
        statistics = statistics_in(line)
        if line["epoch"] == 0:
            steps = self._trainer.progress.step + self._trainer.steps_left
            yield from signs_of_rate(statistics, line["lr"], steps)
        else:
            yield from signs_of_layers(statistics, self._layers)

    def _tell(self, signs: Iterator[Sign]) -> None:
        for key, message in signs:
            if key not in self._told:
                self._told.add(key)
                self._warn(message)
