"""How training and evaluation are shown: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from zoo.architecture import Architecture
from zoo.cli.console import count_of, warn
from zoo.cli.streams import say
from zoo.errors import Stopped
from zoo.train.signals import StopRequest
from zoo.train.trainer import Trainer

SECONDS_BETWEEN_UPDATES = 0.5
SECONDS_BETWEEN_LINES = 30


class TrainingProgress:
    """Told about steps and epochs by the trainer; shows loss, PSNR, images/s and time left.

    The bar shows within ``with observer.bar``.

    Args:
        trainer: whose run it is.
        on_kept: called when all that is kept of an epoch is written, with its metrics.
        title: what its lines begin with, where several train.
    """

    def __init__(
        self,
        trainer: Trainer,
        on_kept: Callable[[Mapping[str, Any]], None] = lambda metrics: None,
        title: str = "",
    ) -> None:
        self.trainer = trainer
        self.on_kept = on_kept
        self.title = title
        self.console = Console()
        self.terminal = self.console.is_terminal
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.terminal,
            transient=True,
        )
        self.task: TaskID = self.bar.add_task(
            f"{title}training",
            total=trainer.progress.step + trainer.steps_left,
            completed=trainer.progress.step,
            numbers="",
        )
        self.psnr = ""
        self.target = _target(trainer.architecture)
        self.training = 0.0  # seconds in steps, without validation
        self.shown = self.started = self.seen = time.monotonic()
        self.first_step = trainer.progress.step

    def on_step(self, trainer: Trainer) -> None:
        """Show the state, but not more often than a person can read; it waits for the device."""
        now = time.monotonic()
        self.training += now - self.seen
        self.seen = now
        if now - self.shown < (SECONDS_BETWEEN_UPDATES if self.terminal else SECONDS_BETWEEN_LINES):
            return
        self.shown = now
        numbers = f"loss {trainer.mean_loss():.5f}{self.psnr}  {self._speed():.0f} images/s"
        if self.terminal:
            self.bar.update(self.task, completed=trainer.progress.step, numbers=numbers)
        else:
            done, left = trainer.progress.step, trainer.steps_left
            say(f"{self.title}step {done}/{done + left}  {numbers}  {self._time_left()} left")

    def on_epoch(self, metrics: Mapping[str, Any]) -> None:
        """Print the epoch's line above the bar."""
        trainer = self.trainer
        best = " best" if metrics["epoch"] == trainer.progress.best_epoch else ""
        psnr = metrics["val_psnr"]
        self.psnr = "" if psnr is None else f"  PSNR {psnr:.2f} dB"
        losses = (
            f"loss {metrics['train_loss']:.5f} {self.target}, "
            f"{metrics['val_loss']:.5f} {trainer.validation[0].compared_with}"
        )
        line = (
            f"{self.title}epoch {metrics['epoch']}/{trainer.architecture.train.epochs}  {losses}"
            f"{self.psnr}{best}  {self._time_left()} left"
        )
        self.seen = time.monotonic()
        self.bar.update(self.task, completed=metrics["step"])
        if self.terminal:
            self.bar.console.print(line, highlight=False)
        else:
            say(line)

    def on_warning(self, message: str) -> None:
        """Print a warning above the bar."""
        warn(message)

    def _speed(self) -> float:
        """Training images per second of the time in steps."""
        steps = self.trainer.progress.step - self.first_step
        return steps * self.trainer.batches.batch_size / max(self.training, 1e-9)

    def _time_left(self) -> str:
        steps = max(self.trainer.progress.step - self.first_step, 1)
        return duration((time.monotonic() - self.started) / steps * self.trainer.steps_left)

    def summary(self) -> str:
        """What was done, and how fast."""
        steps = self.trainer.progress.step - self.first_step
        took = time.monotonic() - self.started
        speed = f"{count_of('step', steps)} in {duration(took)}, {self._speed():.0f} images/s"
        world, per_step = self.trainer.world, 1000 / max(steps, 1)
        if world.size > 1:
            speed += (
                f", all-reduce {per_step * world.seconds:.1f} ms of {per_step * took:.1f} a step"
            )
        return f"trained: {speed}"


class Unseen:
    """For what another process shows already."""

    def on_step(self, trainer: Trainer) -> None:
        """Nothing."""

    def on_epoch(self, metrics: Mapping[str, Any]) -> None:
        """Nothing."""

    def on_kept(self, metrics: Mapping[str, Any]) -> None:
        """Nothing."""

    def on_warning(self, message: str) -> None:
        """Nothing."""


def _target(spec: Architecture) -> str:
    """What the training loss compares outputs with."""
    clean = spec.data.target.type == "noisy" and spec.data.source.parameters.get("second_is_clean")
    return "clean" if clean else spec.data.target.type


def duration(seconds: float) -> str:
    """``3:12``, or ``1:03:12``: hours, minutes and seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


class EvaluationProgress:
    """Shows how many images are evaluated; a requested stop takes effect between images.

    The bar shows within ``with progress.bar``.
    """

    def __init__(self, total: int, stop: StopRequest | None = None, quiet: bool = False) -> None:
        self.stop = stop
        console = Console()
        quiet = quiet or not console.is_terminal
        self.bar = Progress(console=console, disable=quiet, transient=True)
        self.task = self.bar.add_task("evaluating", total=total)

    def on_image(self, done: int) -> None:
        """``done`` images are evaluated.

        Raises:
            Stopped: a stop was requested.
        """
        self.bar.update(self.task, completed=done)
        self._check_stop()

    def advance(self) -> None:
        """One more image is evaluated; raises as ``on_image``."""
        self.bar.advance(self.task)
        self._check_stop()

    def _check_stop(self) -> None:
        if self.stop is not None and self.stop.signal is not None:
            raise Stopped(
                "stopped while evaluating; training is finished and saved", self.stop.signal
            )
