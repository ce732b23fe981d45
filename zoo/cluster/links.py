"""A connection to the workers of a cluster: which are there, and calls to each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from zoo.cluster.remote import Surroundings
from zoo.errors import ClusterError

RUNNING = "running"  # of a client
ANSWER = 20.0  # seconds until a question has an answer
TRANSFER = 60.0  # seconds until a part of a file has come, also by a slow connection
COMES_BACK = 60.0  # seconds
BETWEEN_LOOKS = 1.0  # seconds
TIMEOUTS = (TimeoutError, asyncio.TimeoutError)  # two in Python 3.10


class LostWorkerError(Exception):
    """A worker is gone, or does not answer."""


@dataclass(frozen=True)
class WorkerLink:
    """A worker that fits.

    Attributes:
        client: of its cluster.
        address: of the worker.
        threads: that Dask lets it use: tasks at once.
        around: what it says of itself.
    """

    client: Any
    address: str
    threads: int
    around: Surroundings

    def path(self, *names: str) -> str:
        """A path in the folder of its files."""
        return "/".join((self.around.folder, *names))

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        """The result of a function of :mod:`zoo.cluster.remote` there, which may send files.

        Raises:
            LostWorkerError: it is gone, or does not answer.
            Exception: what the function raises.
        """
        return call(self.client, self.address, function, *args, within=TRANSFER)

    def ask(self, function: Callable[..., Any], *args: Any) -> Any:
        """As :meth:`call`, of a function that only looks or removes."""
        return call(self.client, self.address, function, *args)


def call(
    client: Any, address: str, function: Callable[..., Any], *args: Any, within: float = ANSWER
) -> Any:
    """As :meth:`WorkerLink.call`, within so many seconds."""
    if client.status != RUNNING:
        raise LostWorkerError(address)
    try:
        return client.run(function, *args, workers=[address], callback_timeout=within)[address]
    except TIMEOUTS as error:
        raise LostWorkerError(address) from error
    except Exception as error:
        if address not in (threads_of(client) or ()):
            raise LostWorkerError(address) from error
        raise


def threads_of(client: Any) -> dict[str, int] | None:
    """The threads of each worker, by its address; None where the scheduler does not answer."""
    with suppress(OSError, RuntimeError, *TIMEOUTS):
        if client.status == RUNNING:
            return dict(client.nthreads(callback_timeout=ANSWER))
    return None


def require_threads(client: Any, cluster: str) -> dict[str, int]:
    """As :func:`threads_of`; a connection that breaks has a minute to come back in.

    Args:
        client: of the cluster.
        cluster: its name, for messages.

    Raises:
        ClusterError: the scheduler is gone.
    """
    end = time.monotonic() + COMES_BACK
    while (found := threads_of(client)) is None:
        if client.status == "closed" or time.monotonic() > end:
            raise ClusterError(
                f"--cluster {cluster}: its scheduler is gone. What was at work is saved by the "
                "workers. Start a scheduler again: the same command goes on."
            )
        time.sleep(BETWEEN_LOOKS)
    return found


def last_seen(client: Any) -> dict[str, float]:
    """When the scheduler had the last sign of each worker, in seconds, by its address."""
    with suppress(OSError, RuntimeError, *TIMEOUTS):
        if client.status == RUNNING:
            workers = client.scheduler_info(n_workers=-1)["workers"]
            return {address: it["last_seen"] for address, it in workers.items()}
    return {}
