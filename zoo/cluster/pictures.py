"""Pictures on a cluster: each is sent to a worker, denoised there, and taken back."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from zoo.cluster.links import LostWorkerError, WorkerLink
from zoo.cluster.remote import files_of, remove
from zoo.cluster.tasks import unless_cancelled
from zoo.cluster.transfer import parts, send
from zoo.files import make_folder, write_atomically
from zoo.inference import Denoiser
from zoo.inference.file import Options, Result, denoise_file
from zoo.pictures.jobs import Job
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry
from zoo.train.device import choose_device
from zoo.train.session import load_trained

ONE_AT_A_TIME = Lock()  # a network's memory is for one picture, which takes all threads


def denoise_picture(
    model: str,
    source: str,
    target: str,
    options: Options,
    device: str,
    variables: tuple[tuple[str, str], ...],
) -> Result:
    """Denoise a picture on a worker, with as many threads as the worker has.

    Args:
        model: the file of the trained network there.
        source, target: files there.
        options: how.
        device: as the option.
        variables: of the client's environment, which say what plugins are used.

    Raises:
        Stopped: nobody waits for it any more.
        ZooError: the picture cannot be denoised.
    """
    check = unless_cancelled()
    with ONE_AT_A_TIME:
        denoiser = _denoiser(model, device, variables)
        return denoise_file(
            denoiser,
            Path(source),
            Path(target),
            options,
            on_progress=lambda done, megapixels: check(),
        )


@lru_cache(maxsize=1)
def _denoiser(model: str, device: str, variables: tuple[tuple[str, str], ...]) -> Denoiser:
    """The network of a file, whose name no other network has."""
    import torch
    from distributed import get_worker

    torch.set_num_threads(get_worker().state.nthreads)
    registry = load_registry(discover({**os.environ, **dict(variables)}))
    compiler, network = load_trained(Path(model), registry)
    return Denoiser(network.to(choose_device(device)), compiler.value_range)


@dataclass(frozen=True)
class SentModel:
    """A trained network that workers get before their first picture.

    Attributes:
        path: its file here.
        name: that it has on workers.
        device: as the option.
        variables: of the environment, as of :func:`denoise_picture`.
        workers: the addresses of those that have it.
    """

    path: Path
    name: str
    device: str
    variables: tuple[tuple[str, str], ...]
    workers: set[str] = field(default_factory=set)

    def send(self, link: WorkerLink) -> None:
        """Send it to a worker, unless it is on its host."""
        if link.address not in self.workers:
            if not link.call(files_of, link.path(self.name)):
                send(link, self.path, link.path(self.name))
            self.workers.add(link.address)


@dataclass
class PicturePiece:
    """A picture as a piece of work.

    Attributes:
        job: which.
        number: of it, which its files on a worker are named after.
        model: the network.
        options: how.
        report: told the result when the new picture is written.
        report_failure: told why there is none.
    """

    job: Job
    number: int
    model: SentModel
    options: Options
    report: Callable[[Job, Result], object]
    report_failure: Callable[[Job, str], object]

    def begin(self, link: WorkerLink) -> bool:
        """Send the picture, and the network before the first one."""
        self.model.send(link)
        send(link, self.job.source, self._source(link))
        return True

    def task(self, link: WorkerLink) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Denoise it."""
        files = (link.path(self.model.name), self._source(link), self._target(link))
        return denoise_picture, (*files, self.options, self.model.device, self.model.variables)

    def take(self, link: WorkerLink, value: Result) -> None:
        """Write the new picture here, in one step, and report it."""
        content = parts(link, self._target(link))
        make_folder(self.job.target.parent)
        write_atomically(
            self.job.target,
            lambda stream: stream.writelines(content),
            overwrite=self.options.overwrite,
        )
        self.report(self.job, value)
        with suppress(LostWorkerError, OSError):
            link.ask(remove, [self._source(link), self._target(link)])

    def fail(self, reason: str) -> None:
        """Report why there is none; its name on the worker says nothing to the user."""
        self.report_failure(self.job, reason)

    def put_off(self) -> None:
        """Another worker is sent it, too."""

    def _source(self, link: WorkerLink) -> str:
        return link.path(f"{self.number}{self.job.source.suffix}")

    def _target(self, link: WorkerLink) -> str:
        return link.path(f"{self.number}.denoised{self.job.target.suffix}")
