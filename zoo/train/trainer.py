"""The training loop: epochs of steps, validation, checkpoints, and exact resume."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from zoo.architecture.spec import Architecture
from zoo.compiler import Compiler
from zoo.data.batch import Batch
from zoo.data.batches import Batches
from zoo.data.evaluation import EvaluationImage
from zoo.data.record import DataRecord
from zoo.data.stored import LostError
from zoo.distributed.shards import Shards
from zoo.distributed.world import ALONE, World
from zoo.engine.parallel.division import division
from zoo.errors import DivergenceError, Stopped
from zoo.nn.sequential import Sequential
from zoo.train.backend import MakeBackend, RunStep, ZooBackend, check_backend
from zoo.train.checkpoint_of_trainer import content_of, restore
from zoo.train.divergence import after_divergence
from zoo.train.observer import Observer
from zoo.train.precision import products_in
from zoo.train.progress import Progress
from zoo.train.records import Records
from zoo.train.return_points import keep_return_point
from zoo.train.run_directory import RunDirectory
from zoo.train.signals import StopRequest
from zoo.train.snapshot import Snapshot, what_is_not_finite
from zoo.train.together import check_pictures, validate_together

STEPS_BETWEEN_CHECKS = 100


@dataclass
class Trainer:
    """One run: the objects that train and how far they have come.

    Args:
        architecture: what is trained.
        compiler: builds loss, optimizer and schedule.
        model: what is trained, on ``device``.
        batches: training batches on ``device``.
        validation: images to validate on after each epoch.
        device: where the model is.
        progress: how far the run has come.
        metrics: one dict for each finished epoch.
        started_from: ``name`` and ``sha256`` of the trained weights that it began with; None where
            these were drawn.
        record: of the images that it trains and validates on.
        changes: what was changed when the run was resumed: step, key, before and after of each.
        make_backend: makes what trains, as ``train.backend`` says.
        world: the processes that train together, each with a trainer of its own.

    Attributes:
        good: the latest moment that was looked at and finite; None before the first.
        loss_sum: of the samples of the epoch in work, a float64 on the device.
    """

    architecture: Architecture
    compiler: Compiler
    model: Sequential
    batches: Batches
    validation: Sequence[EvaluationImage]
    device: torch.device
    progress: Progress = field(default_factory=Progress)
    metrics: list[dict[str, Any]] = field(default_factory=list)
    started_from: Mapping[str, str] | None = None
    record: DataRecord | None = None
    changes: list[dict[str, Any]] = field(default_factory=list)
    make_backend: MakeBackend = ZooBackend
    world: World = ALONE

    def __post_init__(self) -> None:
        self.loss = self.compiler.loss()
        self.backend = self.make_backend(self.compiler, self.model)
        check_backend(self.backend, self.architecture)
        self.optimizer = self.backend.optimizer
        self.schedule = self.compiler.schedule()
        self.pairing = self.compiler.pairing()
        self.base_lr = self.optimizer.lr
        self.good: Snapshot | None = None
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=self.device)

    @property
    def steps_left(self) -> int:
        """Steps until the end of the run."""
        return max(0, self.architecture.train.epochs * len(self.batches) - self.progress.step)

    def mean_loss(self) -> float:
        """The mean loss of the samples of the epoch in work; waits for the device."""
        return float(self.loss_sum) / max(self.progress.samples, 1)

    def run(self, directory: RunDirectory, observer: Observer, stop: StopRequest) -> None:
        """Train until the last epoch, from where ``progress`` is.

        Args:
            directory: where checkpoints and metrics go.
            observer: told about each step and epoch.
            stop: asked after each step.

        Raises:
            DivergenceError: something is no longer finite; what was saved before is kept, and the
                step in which it happened is in ``diverged.pkl``.
            Stopped: ``stop`` was requested; the run is saved at the step it has reached.
            DataError: pixels of the cache are gone, and it is saved so; or were changed, and not.
        """
        for _ in self.epochs(directory, observer, stop):
            pass

    @torch.no_grad()
    def epochs(
        self, directory: RunDirectory, observer: Observer, stop: StopRequest
    ) -> Iterator[None]:
        """Train as :meth:`run` does, and come back after each epoch, when it is saved."""
        precision = self.architecture.train.precision
        step = self.backend.step(self.loss, observer.on_warning, self.world)
        records = Records(self, directory, observer.on_warning)
        keep_return_point(self, directory)
        try:
            while not self.is_finished:
                try:
                    with products_in(precision):
                        self._epoch(step, directory, observer, stop)
                    self._finish_epoch(directory, observer, stop, records)
                except LostError:  # what was read before was right
                    self.compiler.check_pictures()
                    with suppress(DivergenceError):
                        self.save(directory)
                    raise
                except DivergenceError as error:
                    check_pictures(self.compiler, self.world)
                    with products_in(precision):
                        after_divergence(self, step, directory, observer.on_warning, str(error))
                    records.go_back()
                yield
        finally:
            records.end()

    def _epoch(
        self, step: RunStep, directory: RunDirectory, observer: Observer, stop: StopRequest
    ) -> None:
        self.model.train()
        how = division(self.model, self.loss)
        self.batches.shards = Shards(self.world.rank, self.world.size, how)
        self._check_finite()
        progress, started = self.progress, time.monotonic() - self.progress.seconds
        saved, saved_step = time.monotonic(), progress.step
        for batch in self.batches.iterate(progress.epoch, start=progress.step_in_epoch):
            images = self.batches.images_in(progress.step_in_epoch)
            _, loss = self.take_step(step, batch, progress.step, images)
            self.loss_sum.add_(loss, alpha=images)  # in float64
            progress.samples += images
            progress.step += 1
            progress.step_in_epoch += 1
            progress.seconds = time.monotonic() - started
            if progress.step % STEPS_BETWEEN_CHECKS == 0:
                self._check_finite()
            observer.on_step(self)
            due = self._is_due(time.monotonic() - saved, progress.step - saved_step)
            stopping, due = self.world.agreed(stop.signal is not None, due)
            if stopping or due:
                check_pictures(self.compiler, self.world)
                self.save(directory)
                saved, saved_step = time.monotonic(), progress.step
            if stopping:
                self.check_stop(self.world.gather(stop.signal))
        self._check_finite()

    def check_stop(self, signals: Sequence[int | None]) -> None:
        """End where a rank's signal requests it; the run is saved.

        Raises:
            Stopped: one does.
        """
        step = self.progress.step
        for number in signals:
            if number is not None:
                steps = step + self.steps_left
                raise Stopped(f"stopped and saved after step {step} of {steps}", number)

    def _is_due(self, seconds: float, steps: int) -> bool:
        """Whether to save so long after it was saved."""
        every = self.architecture.train.checkpoint_every
        return seconds > 60 * every["minutes"] or steps >= every.get("steps", math.inf)

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are trained and validated."""
        return self.progress.epoch >= self.architecture.train.epochs

    def take_step(
        self, step: RunStep, batch: Batch, number: int, images: int
    ) -> tuple[Batch, Tensor]:
        """Update the weights once; how far the run has come is left to the caller.

        Args:
            step: what takes it.
            batch: as it was drawn: the world's shards of it are one each.
            number: of the step, from 0.
            images: of all shards.

        Returns:
            The shard with its target corrected, and the batch's loss before the update, on the
            device.
        """
        self.optimizer.lr = self.lr_of(number)
        batch = self.corrected(step, batch, number)
        divided = self.batches.shards.divides(images)
        return batch, step(batch.x, batch.target, batch.mask, divided=divided)

    def corrected(self, step: RunStep, batch: Batch, number: int) -> Batch:
        """A batch of a step, counted from 0, with its target corrected by the network as it is."""
        if not len(batch.x):
            return batch
        done = number / (self.architecture.train.epochs * len(self.batches))
        return self.pairing.correct(batch, step.predict, done)

    def lr_of(self, number: int) -> float:
        """The learning rate of a step, counted from 0."""
        factor = self.schedule(number, len(self.batches), self.architecture.train.epochs)
        lr: float = self.base_lr * factor
        return lr if self.progress.lr_factor == 1 else lr * self.progress.lr_factor

    def _finish_epoch(
        self,
        directory: RunDirectory,
        observer: Observer,
        stop: StopRequest,
        records: Records,
    ) -> None:
        records.begin()
        started = time.monotonic()
        progress, lr = self.progress, self.optimizer.lr
        check_pictures(self.compiler, self.world)
        self.save(directory)  # validating large images may take long, or more memory than there is
        self.model.eval()
        val_loss, val_psnr = validate_together(self, stop, records.see)
        check_pictures(self.compiler, self.world)
        train_loss = self.mean_loss()
        progress.epoch += 1
        progress.step_in_epoch = 0
        metrics = {
            "epoch": progress.epoch,
            "step": progress.step,
            "train_loss": train_loss,
            "val_loss": val_loss,
            "val_psnr": val_psnr,
            "lr": lr,
            "seconds": progress.seconds + time.monotonic() - started,
        }
        progress.seconds, progress.samples = 0.0, 0
        self.loss_sum.zero_()
        self.metrics.append(metrics)
        if val_psnr is not None and val_psnr > progress.best_psnr:  # never true for nan
            progress.best_psnr, progress.best_epoch = val_psnr, progress.epoch
            directory.save_best(self.checkpoint())
        self.save(directory)
        keep_return_point(self, directory)
        directory.write_metrics(self.metrics)
        observer.on_epoch(metrics)
        records.after_epoch()
        observer.on_kept(metrics)

    def save(self, directory: RunDirectory) -> None:
        """Save ``last.pkl``, unless the loss or a weight is no longer finite.

        Raises:
            DivergenceError: one is not.
        """
        self._check_finite()
        directory.save_last(self.checkpoint())

    def checkpoint(self) -> dict[str, Any]:
        """The content of a checkpoint of this moment."""
        return content_of(self)

    def restore(self, content: Mapping[str, Any]) -> None:
        """Go back to the moment of a checkpoint.

        Raises:
            CheckpointError: its weights or optimizer state do not fit the architecture.
        """
        restore(self, content)

    def _check_finite(self) -> None:
        """Keep this moment, or find out since when, and where, something is not finite."""
        if seen := what_is_not_finite(self.mean_loss(), self.model, self.optimizer):
            raise DivergenceError(seen)
        self.good = Snapshot.of(
            self.model, self.optimizer, self.device, self.progress, self.loss_sum
        )
