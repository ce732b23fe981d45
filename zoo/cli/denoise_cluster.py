"""``zoo denoise --cluster``: the pictures of a command on the workers of a Dask cluster."""

from __future__ import annotations

import os
import re
import secrets
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.cli.console import count_of, warn
from zoo.cli.denoise_results import Results
from zoo.cli.streams import say
from zoo.cluster.address import waiting_line
from zoo.cluster.connect import connected
from zoo.cluster.dispatch import Dispatcher
from zoo.cluster.links import LostWorkerError
from zoo.cluster.pictures import PicturePiece, SentModel
from zoo.cluster.remote import remove
from zoo.cluster.software import needed, variables_of
from zoo.cluster.workers import Workers
from zoo.errors import printable
from zoo.inference import Denoiser
from zoo.inference.file import Options, Result
from zoo.limits import cores
from zoo.pictures.jobs import Job
from zoo.plugins.registry import Registry

AT_ONCE = 2  # pictures of a worker: one is denoised while the next is sent


@dataclass(frozen=True)
class Model:
    """A trained network, and what it takes.

    Attributes:
        path: its file.
        denoiser: it, on this machine.
        device: of the option.
        registry: what is installed.
    """

    path: Path
    denoiser: Denoiser
    device: str
    registry: Registry


def denoise_on_cluster(
    cluster: str, jobs: Sequence[Job], model: Model, options: Options, results: Results
) -> None:
    """Denoise each file on a worker; the outputs are written by this machine.

    Args:
        cluster: of the option.
        jobs, options: what to do.
        model: with what.
        results: takes in each file.

    Raises:
        UsageError: the cluster cannot be reached, or a worker has other versions.
        PluginError: a worker has not the same plugins.
        ClusterError: its scheduler is gone; files that are done stay.
        Stopped: a signal came; files that are done stay.
    """
    name = secrets.token_hex(8)
    variables = tuple(sorted(variables_of(os.environ).items()))
    sent = SentModel(model.path, f"{name}.pkl", model.device, variables)

    def take(job: Job, result: Result) -> None:
        results.take(job, result, model.denoiser)

    def fail(job: Job, reason: str) -> None:
        there = re.compile(rf"\S*{name}/\d+(\.denoised)?{re.escape(job.source.suffix)}")
        results.fail_with(job, there.sub(lambda _: printable(str(job.source)), reason))

    pieces = []
    for number, job in enumerate(jobs):
        if job.done:
            results.skip(job)
        else:
            own = replace(options, format=job.format)
            pieces.append(PicturePiece(job, number, sent, own, take, fail))
    with connected(cluster, max(1, round(cores()))) as client:
        workers = Workers(client, cluster, needed(model.registry), warn)
        workers.require(lambda: say(waiting_line(cluster), err=True))
        workers.enter(None, name, None)
        say(f"cluster: {cluster}: {count_of('worker', len(workers.links))}", err=True)
        dispatcher = Dispatcher(workers, lambda _: AT_ONCE)
        try:
            dispatcher.work(pieces)
        except KeyboardInterrupt as stop:
            dispatcher.cancel()
            number = int(getattr(stop, "number", signal.SIGINT))
            raise results.stopped(len(jobs), number) from None
        finally:
            for link in workers.links:
                with suppress(LostWorkerError):
                    link.ask(remove, [link.around.folder])
            order = {str(job.source): number for number, job in enumerate(jobs)}
            results.records.sort(key=lambda it: order[it["input"]])
