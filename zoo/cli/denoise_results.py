"""What has become of the files of ``zoo denoise``: lines for people, records for programs."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from zoo.cli.console import count_of, shell_command, warn
from zoo.cli.denoise_progress import speed_of
from zoo.cli.denoise_report import job_name, result_line, result_record, result_warnings
from zoo.cli.streams import ClosedPipeError, say
from zoo.errors import Stopped, ZooError, first_of, format_error, printable
from zoo.files import write_atomically
from zoo.inference import Denoiser
from zoo.inference.file import Options, Result
from zoo.pictures.jobs import STANDARD, Job
from zoo.single import Training


class Results:
    """Takes in one file after the other.

    Args:
        options: how they are denoised.
        comparison: where to write the picture of before and after.
        say: prints a line.

    Attributes:
        records: of all files so far, for programs.
    """

    def __init__(
        self, options: Options, comparison: Path | None, say: Callable[[str], object]
    ) -> None:
        self._options, self._comparison, self._say = options, comparison, say
        self.records: list[dict[str, Any]] = []
        self._done: list[Result] = []
        self._failed: list[str] = []
        self._skipped = 0
        self._told: set[str] = set()

    def skip(self, job: Job) -> None:
        """A file whose output is there already."""
        self._skipped += 1
        self.records.append(result_record(job, "skipped", None, None))
        self._say(f"{job_name(job)}: is there already")

    def take(
        self, job: Job, result: Result, denoiser: Denoiser, training: Training | None = None
    ) -> None:
        """A file that is written.

        Raises:
            WriteError: the picture of before and after cannot be written.
        """
        self._done.append(result)
        self.records.append(result_record(job, "done", result, None, training))
        self._tell_once(result, denoiser)
        for what, meaning in result_warnings(result):
            self._warn_once_with(meaning, f"{printable(str(job.source))}: {what}")
        if training is not None and training.steps < training.usual:
            self._warn_once_with(
                "More steps denoise better: leave --minutes out, or give more",
                f"{printable(str(job.source))}: trained for {training.steps:,} of the usual "
                f"{training.usual:,} steps",
            )
        self._say(result_line(job, result, training))
        if self._comparison is not None and (picture := result.comparison) is not None:
            write_atomically(
                self._comparison,
                lambda stream: picture.save(stream, "PNG"),
                overwrite=self._options.overwrite,
            )

    def fail(self, job: Job, error: Exception) -> None:
        """Say what was wrong with a file; the others go on.

        Raises:
            Exception: the error itself, where it is no file's fault.
        """
        for closed in (error, error.__cause__):  # nobody reads the output any more
            if isinstance(closed, BrokenPipeError) and job.target == STANDARD:
                raise ClosedPipeError from None
        if os.environ.get("ZOO_DEBUG") == "1":
            raise error
        name = printable(str(job.source))
        message = str(error) if isinstance(error, ZooError) else f"{name}: {format_error(error)}."
        self.fail_with(job, message)

    def fail_with(self, job: Job, message: str) -> None:
        """A file that came to nothing, and why."""
        self._failed.append(printable(str(job.source)))
        self.records.append(result_record(job, "failed", None, message))
        say(message, err=True)

    def finish(self, count: int) -> None:
        """Print the summary of several files.

        Raises:
            click.exceptions.Exit: a file failed.
        """
        if count > 1:
            seconds = sum(result.seconds for result in self._done)
            megapixels = sum(result.megapixels for result in self._done)
            speed = f", {speed_of(megapixels, seconds)}" if self._done else ""
            there = f", {self._skipped:,} were there already" if self._skipped else ""
            names = first_of(self._failed)
            failed = f", {len(self._failed):,} failed: {names}" if self._failed else ""
            self._say(f"{count_of('picture', len(self._done))} denoised{speed}{there}{failed}")
        if self._failed:
            raise click.exceptions.Exit(4)

    def stopped(self, count: int, signal: int) -> Stopped:
        """What to raise where a signal came, of ``count`` files in all."""
        arguments = [it for it in sys.argv[1:] if it not in ("--overwrite", "--skip-existing")]
        command = shell_command("zoo", *arguments, "--skip-existing")
        done = f"stopped: {len(self._done)} of {count_of('picture', count)} done"
        return Stopped(f"{done}. Go on with: {command}", signal)

    def _tell_once(self, result: Result, denoiser: Denoiser) -> None:
        """How a model of other channels is used."""
        takes = denoiser.takes
        if takes(result.channels):
            return
        if takes(1):
            each = "colour" if result.channels == 3 else "channel"
            note = f"the model is for grey pictures: each {each} is denoised by itself"
        else:
            note = (
                "the model is for colour pictures: grey ones are given to it as three equal "
                "colours, of which it removes far less noise than a model for grey pictures would"
            )
        self._warn_once_with(note)

    def _warn_once_with(self, meaning: str, what: str = "") -> None:
        """Warn of what was seen; of what that means only the first time."""
        new = "" if meaning in self._told else meaning
        self._told.add(meaning)
        if what or new:
            warn(". ".join(filter(None, (what, new))))
