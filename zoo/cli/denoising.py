"""What ``zoo denoise`` does once its files are known; imports torch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TextIO

from zoo.cli.console import print_json, warn, warn_of_failures
from zoo.cli.denoise_alone import Alone, check_network, trained_alone
from zoo.cli.denoise_progress import DenoiseProgress
from zoo.cli.denoise_results import Results
from zoo.cli.streams import say, streams, work_counts
from zoo.errors import Stopped, UsageError
from zoo.inference import Denoiser
from zoo.inference.file import Options, denoise_file
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
    cluster: str | None = None,
) -> None:
    """Denoise each file; see ``zoo denoise --help``.

    Args:
        model: its name, or how to train one on each picture.
        jobs, options: what to do.
        comparison: where to write the picture of before and after.
        device: where to compute.
        as_json: print records of all files instead of lines.
        cluster: on whose workers; None for this process.

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
    results = Results(options, comparison, tell)
    denoise: Callable[[], object]
    if isinstance(model, Alone):
        check_network(model.network, registry)
        denoiser_of: DenoiserOf = partial(trained_alone, model, registry, target, options)
        denoise = partial(_denoise_here, jobs, denoiser_of, options, comparison, results)
    else:
        path = find_model(model, registry).path
        compiler, network = load_trained(path, registry, warn)
        denoiser = Denoiser(network.to(target), compiler.value_range)
        if cluster is None:
            denoiser_of = partial(_always, denoiser)
            denoise = partial(_denoise_here, jobs, denoiser_of, options, comparison, results)
        else:
            from zoo.cli.denoise_cluster import Model, denoise_on_cluster

            sent = Model(path, denoiser, device, registry)
            denoise = partial(denoise_on_cluster, cluster, jobs, sent, options, results)
    try:
        denoise()
    finally:
        if as_json:
            print_json(results.records)
    results.finish(len(jobs))


def _check_stream(name: str, stream: TextIO | None, instead: str) -> None:
    """Refuse a standard stream that holds no picture; it is None where it is closed."""
    if stream is None or stream.isatty():
        state = "closed" if stream is None else "a terminal"
        raise UsageError(f"-: the standard {name} is {state}. Use {instead}, or a pipe.")


def _always(denoiser: Denoiser, job: Job, progress: DenoiseProgress) -> tuple[Denoiser, None]:
    """The same model for all files."""
    return denoiser, None


def _denoise_here(
    jobs: Sequence[Job],
    denoiser_of: DenoiserOf,
    options: Options,
    comparison: Path | None,
    results: Results,
) -> None:
    """Work through the jobs, one after the other.

    Raises:
        Stopped: a stop was requested.
    """
    with StopRequest() as stop:
        progress = DenoiseProgress(jobs, stop)
        for number, job in enumerate(jobs):
            try:
                progress.start(number)
                if job.done:
                    progress.hide()
                    results.skip(job)
                    continue
                denoiser, training = denoiser_of(job, progress)
                result = denoise_file(
                    denoiser,
                    sys.stdin.buffer if job.source == STANDARD else job.source,
                    streams().picture_output() if job.target == STANDARD else job.target,
                    replace(options, format=job.format),
                    compare=comparison is not None,
                    on_progress=progress.on_progress,
                )
                progress.hide()
                results.take(job, result, denoiser, training)
            except Stopped as stopped:
                progress.hide()
                raise results.stopped(len(jobs), stopped.signal) from None
            except Exception as error:  # a bad file must not cost the user the others
                progress.hide()
                results.fail(job, error)


def _nothing(line: str) -> None:
    """Print nothing: the standard output is JSON."""
