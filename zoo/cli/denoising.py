"""What ``zoo denoise`` does once its files are known; imports torch."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import click

from zoo.cli.console import count_of, print_json, shell_command, warn, warn_of_failures
from zoo.cli.denoise_alone import Alone, check_network, trained_alone
from zoo.cli.denoise_progress import DenoiseProgress, speed_of
from zoo.cli.denoise_report import job_name, result_line, result_record, result_warnings
from zoo.cli.streams import ClosedPipeError, say, streams, work_counts
from zoo.errors import (
    Stopped,
    UsageError,
    ZooError,
    first_of,
    format_error,
    printable,
)
from zoo.files import write_atomically
from zoo.inference import Denoiser
from zoo.inference.file import Options, Result, denoise_file
from zoo.pictures.jobs import STANDARD, Job
from zoo.plugins.registry import load_registry
from zoo.single import Training
from zoo.train.device import choose_device
from zoo.train.find_model import find_model
from zoo.train.session import load_trained
from zoo.train.signals import StopRequest

DenoiserOf = Callable[[Job, DenoiseProgress], tuple[Denoiser, Training | None]]


def denoise_all(
    model: str | Alone,
    jobs: Sequence[Job],
    options: Options,
    comparison: Path | None,
    device: str,
    as_json: bool,
) -> None:
    """Denoise each file; see ``zoo denoise --help``.

    Args:
        model: its name, or how to train one on each picture.
        jobs, options: what to do.
        comparison: where to write the picture of before and after.
        device: where to compute.
        as_json: print records of all files instead of lines.

    Raises:
        Stopped: a signal came; files that are done stay.
        click.exceptions.Exit: a file could not be denoised, with code 4.
    """
    to_stdout = any(job.target == STANDARD for job in jobs)
    if to_stdout and as_json:
        raise UsageError("--json: the standard output gets the picture. Use -o FILE.")
    if to_stdout:
        _check_stream("output", streams().out, "-o FILE")
        streams().reserve()
    elif not as_json:
        work_counts()
    if jobs[0].source == STANDARD:
        _check_stream("input", sys.stdin, "a file")
    target = choose_device(device)
    registry = load_registry()
    warn_of_failures(registry)
    tell = _nothing if as_json else say  # reserved, the standard output takes nothing else
    denoiser_of: DenoiserOf
    if isinstance(model, Alone):
        check_network(model.network, registry)
        denoiser_of = partial(trained_alone, model, registry, target, options)
    else:
        compiler, network = load_trained(find_model(model, registry).path, registry, warn)
        denoiser_of = partial(_always, Denoiser(network.to(target), compiler.value_range))
    run = _Run(denoiser_of, options, comparison, tell)
    try:
        with StopRequest() as stop:
            run.all(jobs, stop)
    finally:
        if as_json:
            print_json(run.records)
    run.finish(len(jobs))


def _check_stream(name: str, stream: TextIO | None, instead: str) -> None:
    """Refuse a standard stream that holds no picture; it is None where it is closed."""
    if stream is None or stream.isatty():
        state = "closed" if stream is None else "a terminal"
        raise UsageError(f"-: the standard {name} is {state}. Use {instead}, or a pipe.")


def _always(denoiser: Denoiser, job: Job, progress: DenoiseProgress) -> tuple[Denoiser, None]:
    """The same model for all files."""
    return denoiser, None


class _Run:
    """The files of a command, one after the other.

    Args:
        denoiser_of: gives the model for a file.
        options: how.
        comparison: where to write the picture of before and after.
        say: prints a line.
    """

    def __init__(
        self,
        denoiser_of: DenoiserOf,
        options: Options,
        comparison: Path | None,
        say: Callable[[str], object],
    ) -> None:
        self.denoiser_of, self.options = denoiser_of, options
        self.comparison, self.say = comparison, say
        self.records: list[dict[str, Any]] = []
        self.done: list[Result] = []
        self.failed: list[str] = []
        self.skipped = 0
        self.told: set[str] = set()

    def all(self, jobs: Sequence[Job], stop: StopRequest) -> None:
        """Work through the jobs.

        Raises:
            Stopped: a stop was requested.
        """
        progress = DenoiseProgress(jobs, stop)
        for number, job in enumerate(jobs):
            try:
                progress.start(number)
                self._one(job, progress)
            except Stopped as stopped:
                progress.hide()
                done = f"stopped: {len(self.done)} of {count_of('picture', len(jobs))} done"
                raise Stopped(f"{done}. Go on with: {_command()}", stopped.signal) from None
            except Exception as error:  # a bad file must not cost the user the others
                progress.hide()
                self._fail(job, error)

    def finish(self, count: int) -> None:
        """Print the summary of several files.

        Raises:
            click.exceptions.Exit: a file failed.
        """
        if count > 1:
            seconds = sum(result.seconds for result in self.done)
            megapixels = sum(result.megapixels for result in self.done)
            speed = f", {speed_of(megapixels, seconds)}" if self.done else ""
            there = f", {self.skipped:,} were there already" if self.skipped else ""
            names = first_of(self.failed)
            failed = f", {len(self.failed):,} failed: {names}" if self.failed else ""
            self.say(f"{count_of('picture', len(self.done))} denoised{speed}{there}{failed}")
        if self.failed:
            raise click.exceptions.Exit(4)

    def _one(self, job: Job, progress: DenoiseProgress) -> None:
        if job.done:
            progress.hide()
            self.skipped += 1
            self.records.append(result_record(job, "skipped", None, None))
            self.say(f"{job_name(job)}: is there already")
            return
        denoiser, training = self.denoiser_of(job, progress)
        result = denoise_file(
            denoiser,
            sys.stdin.buffer if job.source == STANDARD else job.source,
            streams().picture_output() if job.target == STANDARD else job.target,
            replace(self.options, format=job.format),
            compare=self.comparison is not None,
            on_progress=progress.on_progress,
        )
        progress.hide()
        self.done.append(result)
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
        self.say(result_line(job, result, training))
        if self.comparison is not None and (picture := result.comparison) is not None:
            write_atomically(
                self.comparison,
                lambda stream: picture.save(stream, "PNG"),
                overwrite=self.options.overwrite,
            )

    def _fail(self, job: Job, error: Exception) -> None:
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
        self.failed.append(name)
        self.records.append(result_record(job, "failed", None, message))
        say(message, err=True)

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
        new = "" if meaning in self.told else meaning
        self.told.add(meaning)
        if what or new:
            warn(". ".join(filter(None, (what, new))))


def _nothing(line: str) -> None:
    """Print nothing: the standard output is JSON."""


def _command() -> str:
    """What to type to go on."""
    arguments = [word for word in sys.argv[1:] if word not in ("--overwrite", "--skip-existing")]
    return shell_command("zoo", *arguments, "--skip-existing")
