"""How far ``zoo denoise`` is: a bar on a terminal, nothing elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from zoo.errors import Stopped, printable
from zoo.pictures.jobs import STANDARD, Job
from zoo.train.signals import StopRequest

LONGEST_NAME = 24
TRAINING = 0.95  # of the time of a file that a network is trained on


class DenoiseProgress:
    """Shows the file in work, megapixels per second and the time left, on the standard error.

    Files count by their bytes, which are known before they are opened. A requested stop takes
    effect at the next tile. The bar shows between :meth:`start` and :meth:`hide`, so that lines can
    be printed after each file.
    """

    def __init__(self, jobs: Sequence[Job], stop: StopRequest) -> None:
        self.stop = stop
        self.console = Console(stderr=True)
        self.bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
            redirect_stdout=False,  # it may be a file, which the bar is no part of
        )
        self.names = [printable(job.source.name) for job in jobs]
        self.bytes = [_bytes(job) for job in jobs]
        self.number, self.before, self.started = 0, 0.0, time.monotonic()
        self.task = self.bar.add_task("", total=sum(self.bytes), speed="")

    def start(self, number: int) -> None:
        """The file of that number, from 0, is in work.

        Raises:
            Stopped: a stop was requested.
        """
        self._check()
        self.before += sum(self.bytes[self.number : number])
        self.number, self.started = number, time.monotonic()
        name = self.names[number]
        short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"
        description = f"{number + 1}/{len(self.names)} {short}"
        self.bar.update(self.task, description=description, completed=self.before)
        self.bar.start()

    def hide(self) -> None:
        """Take the bar from the screen."""
        if self.console.is_terminal:
            self.bar.stop()

    def on_progress(self, done: float, megapixels: float) -> None:
        """That part of the file is done.

        Raises:
            Stopped: a stop was requested.
        """
        self._check()
        seconds = max(time.monotonic() - self.started, 1e-9)
        speed = speed_of(done * megapixels, seconds)
        self.bar.update(
            self.task, completed=self.before + done * self.bytes[self.number], speed=speed
        )

    def on_training(self, done: float) -> None:
        """That part of the training on the file is done; the file itself is still to be denoised.

        Raises:
            Stopped: a stop was requested.
        """
        self._check()
        completed = self.before + done * self.bytes[self.number] * TRAINING
        self.bar.update(self.task, completed=completed, speed="training")

    def _check(self) -> None:
        if self.stop.signal is not None:
            raise Stopped("stopped", self.stop.signal)


def speed_of(megapixels: float, seconds: float) -> str:
    """As ``12 MP/s`` or ``0.0031 MP/s``."""
    speed = megapixels / seconds
    return f"{speed:.0f} MP/s" if speed >= 10 else f"{speed:.2g} MP/s"


def _bytes(job: Job) -> float:
    """The size of the file; 1 where it is not known, or nothing is to be done."""
    try:
        known = not job.done and job.source != STANDARD
        return max(float(job.source.stat().st_size), 1.0) if known else 1.0
    except OSError:
        return 1.0
