"""The workers of a cluster that fit: with the client's versions, and where their files are."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.cluster.heartbeats import Heartbeats
from zoo.cluster.remote import Probe, Surroundings, look_around
from zoo.cluster.software import SAME, differences
from zoo.errors import ClusterError, PluginError, UsageError, WriteError, printable
from zoo.temporary import reserved

RUNNING = "running"  # of a client
ANSWER = 60.0  # seconds that a worker has to answer in
BETWEEN_LOOKS = 1.0  # seconds
TIMEOUTS = (TimeoutError, asyncio.TimeoutError)  # two in Python 3.10
MOST_NAMED = 5  # workers, in a message


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
        """The result of a function of :mod:`zoo.cluster.remote` there, at once.

        Raises:
            LostWorkerError: it is gone, or does not answer.
            Exception: what the function raises.
        """
        return call(self.client, self.address, function, *args)


def call(client: Any, address: str, function: Callable[..., Any], *args: Any) -> Any:
    """As :meth:`WorkerLink.call`."""
    if client.status != RUNNING:
        raise LostWorkerError(address)
    try:
        return client.run(function, *args, workers=[address], callback_timeout=ANSWER)[address]
    except TIMEOUTS as error:
        raise LostWorkerError(address) from error
    except Exception as error:
        if address not in threads_of(client):
            raise LostWorkerError(address) from error
        raise


def threads_of(client: Any) -> dict[str, int]:
    """The threads of each worker, by its address; none where the scheduler does not answer."""
    with suppress(OSError, RuntimeError, *TIMEOUTS):
        if client.status == RUNNING:
            return dict(client.nthreads(callback_timeout=ANSWER))
    return {}


def last_seen(client: Any) -> dict[str, float]:
    """When the scheduler had the last sign of each worker, in seconds, by its address."""
    with suppress(OSError, RuntimeError, *TIMEOUTS):
        if client.status == RUNNING:
            workers = client.scheduler_info(n_workers=-1)["workers"]
            return {address: it["last_seen"] for address, it in workers.items()}
    return {}


class Workers:
    """Those of a cluster, looked at when they appear.

    Args:
        client: of the cluster.
        cluster: its name, for messages.
        needs: the versions that they need.
        folder: the client's, which some of them may share; None for none.
        spool: the name of a folder for hosts that do not.
        probe: the file in ``folder`` by which they are told; None for none.
        warn: told, once, about each that appears later and does not fit, is lost or is silent.
    """

    def __init__(
        self,
        client: Any,
        cluster: str,
        needs: Mapping[str, str],
        folder: Path | None,
        spool: str,
        probe: Probe | None,
        warn: Callable[[str], object],
    ) -> None:
        self.client, self.cluster, self._needs = client, cluster, needs
        self._folder, self._spool, self._probe = folder, spool, probe
        self._warn = warn
        self._fit: dict[str, WorkerLink] = {}
        self._unfit: set[str] = set()
        self._lost: set[str] = set()
        self._heartbeats = Heartbeats()

    @property
    def links(self) -> list[WorkerLink]:
        """Those that fit, as they were seen last."""
        return list(self._fit.values())

    def require(self, wait: Callable[[], object]) -> None:
        """Wait for workers, and refuse a cluster in which one of them does not fit.

        Args:
            wait: told, once, that there are none yet.

        Raises:
            PluginError: a plugin is missing on one, or another version.
            UsageError: another version of something else, or a folder cannot be made on one.
            ClusterError: the scheduler is gone.
        """
        if not self._there():
            wait()
        while not self._there():
            time.sleep(BETWEEN_LOOKS)
        problems = self._look()
        if problems:
            kinds = [what.startswith("the plugin ") for what in problems]
            error = PluginError if all(kinds) else UsageError
            raise error(*(self._line(what, them) for what, them in problems.items()))

    def look(self) -> dict[str, WorkerLink]:
        """Those that are there now and fit, by their addresses; says which new ones do not.

        Raises:
            ClusterError: the scheduler is gone.
        """
        for what, them in self._look().items():
            self._warn(f"{self._line(what, them)} Until then it gets no work.")
        for address in self._heartbeats.look(last_seen(self.client)):
            self._warn(
                f"worker {address}: silent; its work waits until it answers or Dask drops it"
            )
        return dict(self._fit)

    def lose(self, address: str) -> None:
        """Say, once, that a worker is lost which had something to do."""
        if address not in self._lost:
            self._lost.add(address)
            self._warn(f"worker {address}: lost; its work goes to another")

    def _line(self, what: str, addresses: Sequence[str]) -> str:
        names = ", ".join(addresses[:MOST_NAMED])
        more = len(addresses) - MOST_NAMED
        names += f" and {more} more" if more > 0 else ""
        advice = (
            "Install the same on every worker."
            if what.partition(" ")[0] in (*SAME, "the")
            else "Give the worker another --local-directory."
        )
        return f"--cluster {self.cluster}: {names}: {what}. {advice}"

    def _look(self) -> dict[str, list[str]]:
        """Take in who is there; what is wrong with new ones, with the addresses of these."""
        there = self._there()
        self._fit = {address: link for address, link in self._fit.items() if address in there}
        new = [it for it in there if it not in self._fit and it not in self._unfit]
        problems: dict[str, list[str]] = {}
        for address, has in self._versions(new).items():
            wrong = list(differences(self._needs, has)) or self._enter(address, there[address])
            for what in wrong:
                problems.setdefault(what, []).append(address)
            self._unfit |= {address} if wrong else set()
        return problems

    def _there(self) -> dict[str, int]:
        """The threads of each worker; a connection that breaks has a minute to come back."""
        end = time.monotonic() + ANSWER
        while True:
            with suppress(OSError, RuntimeError, *TIMEOUTS):
                if self.client.status == RUNNING:
                    return dict(self.client.nthreads(callback_timeout=ANSWER))
            if self.client.status == "closed" or time.monotonic() > end:
                raise ClusterError(
                    f"--cluster {self.cluster}: its scheduler is gone. What was at work is saved "
                    "by the workers. Start a scheduler again: the same command goes on."
                )
            time.sleep(BETWEEN_LOOKS)

    def _versions(self, addresses: Sequence[str]) -> dict[str, Mapping[str, str | None]]:
        if not addresses:
            return {}
        found = self.client.get_versions(packages=list(self._needs))["workers"]
        return {it: found[it]["packages"] for it in addresses if it in found}

    def _enter(self, address: str, threads: int) -> list[str]:
        """Ask a worker for its surroundings; what is wrong with them."""
        folder = str(self._folder or "")
        try:
            around = call(self.client, address, look_around, folder, self._probe, self._spool)
        except LostWorkerError:  # it is looked at again if it comes back
            return []
        except OSError as error:
            return [f"no folder can be made there: {error.strerror or error}"]
        self._fit[address] = WorkerLink(self.client, address, threads, around)
        return []


@contextmanager
def probe_in(folder: Path) -> Iterator[Probe]:
    """A file in a folder, by which workers tell whether they share its disk.

    One that a killed process has left is removed by the next.

    Raises:
        WriteError: it cannot be written.
    """
    content = secrets.token_hex(16)

    def make(path: Path) -> None:
        with path.open("x", encoding="ascii") as stream:
            stream.write(content)

    with ExitStack() as stack:
        try:
            path = stack.enter_context(reserved(folder / "probe", make))
        except OSError as error:
            reason = error.strerror or error
            raise WriteError(
                f"{printable(str(folder))}: cannot be written in: {reason}."
            ) from error
        yield Probe(path.name, content)
