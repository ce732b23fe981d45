"""The workers of a cluster that fit: with the client's versions, and where their files are."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from zoo.cluster.heartbeats import Heartbeats
from zoo.cluster.links import (
    BETWEEN_LOOKS,
    LostWorkerError,
    WorkerLink,
    call,
    last_seen,
    require_threads,
)
from zoo.cluster.problems import by_problem, line_of, refuse, unlike
from zoo.cluster.remote import Probe, look_around
from zoo.errors import WriteError, printable
from zoo.temporary import reserved

SILENCE = 60.0  # seconds


class Workers:
    """Those of a cluster, looked at when they appear; first :meth:`require`, then :meth:`enter`.

    Args:
        client: of the cluster.
        cluster: its name, for messages.
        needs: the versions that they need.
        warn: told, once, about each that appears later and does not fit, is lost or is silent.
    """

    def __init__(
        self, client: Any, cluster: str, needs: Mapping[str, str], warn: Callable[[str], object]
    ) -> None:
        self.client, self.cluster, self._needs = client, cluster, needs
        self._warn = warn
        self._folder: Path | None = None
        self._probe: Probe | None = None
        self._spool = ""
        self._fit: dict[str, WorkerLink] = {}
        self._unfit: set[str] = set()
        self._lost: set[str] = set()
        self._unheard: dict[str, float] = {}
        self._heartbeats = Heartbeats()

    @property
    def links(self) -> list[WorkerLink]:
        """Those that fit and answer, as they were seen last."""
        return [link for address, link in self._fit.items() if not self.is_silent(address)]

    def require(self, wait: Callable[[], object]) -> None:
        """Wait for workers, and refuse a cluster in which one has other versions.

        Nothing is made for it, here or there.

        Args:
            wait: told, once, that there are none yet.

        Raises:
            PluginError: a plugin is missing on one, or another version.
            UsageError: another version of something else.
            ClusterError: the scheduler is gone.
        """
        if not require_threads(self.client, self.cluster):
            wait()
        while not (there := require_threads(self.client, self.cluster)):
            time.sleep(BETWEEN_LOOKS)
        refuse(self.cluster, by_problem(self._unlike(list(there))))

    def enter(self, folder: Path | None, spool: str, probe: Probe | None) -> None:
        """Have each worker find out where the files of the work are.

        Args:
            folder: the client's, which some of them may share; None for none.
            spool: the name of a folder for hosts that do not.
            probe: the file in ``folder`` by which they are told; None for none.

        Raises:
            UsageError: the folder cannot be made on one.
            UsageError, PluginError, ClusterError: as of :meth:`require`, of those that came later.
        """
        self._folder, self._spool, self._probe = folder, spool, probe
        refuse(self.cluster, self._look())

    def look(self) -> dict[str, WorkerLink]:
        """Those that are there now and fit, by their addresses; says which new ones do not.

        Raises:
            ClusterError: the scheduler is gone.
        """
        for what, them in self._look().items():
            self._warn(f"{line_of(self.cluster, what, them)} Until then it gets no work.")
        for address in self._heartbeats.look(last_seen(self.client)):
            self._warn(
                f"worker {address}: silent; its work waits until it answers or Dask drops it"
            )
        return dict(self._fit)

    def is_silent(self, address: str) -> bool:
        """Whether a worker is not to be asked now: Dask takes minutes to call a halted one lost."""
        return self._heartbeats.is_silent(address) or time.monotonic() < self._unheard.get(
            address, 0
        )

    def miss(self, address: str) -> None:
        """Ask a worker that did not answer no more for a while: the others go on meanwhile."""
        if address not in self._unheard:
            self._warn(f"worker {address}: does not answer; it is asked again in a minute")
        self._unheard[address] = time.monotonic() + SILENCE

    def leave(self, address: str) -> None:
        """Say of a worker that does not answer at the end that what it was at stays there."""
        self._unheard[address] = time.monotonic() + SILENCE
        self._warn(
            f"worker {address}: does not answer; what it was at is left there, and the same "
            "command goes on with it"
        )

    def lose(self, address: str) -> None:
        """Say, once, that a worker is lost which had something to do."""
        if address not in self._lost:
            self._lost.add(address)
            self._warn(f"worker {address}: lost; its work goes to another")

    def _look(self) -> dict[str, list[str]]:
        """Take in who is there; what is wrong with new ones, with the addresses of these."""
        there = require_threads(self.client, self.cluster)
        self._fit = {address: link for address, link in self._fit.items() if address in there}
        known = self._fit.keys() | self._unfit
        new = [it for it in there if it not in known and not self.is_silent(it)]
        unlike = self._unlike(new)
        wrong = {it: what or self._enter(it, there[it]) for it, what in unlike.items()}
        self._unfit |= {address for address, what in wrong.items() if what}
        return by_problem(wrong)

    def _unlike(self, addresses: Sequence[str]) -> dict[str, list[str]]:
        """What is other on each of some workers that answer."""
        found = unlike(self.client, addresses, self._needs)
        for address in addresses:
            if address not in found:
                self.miss(address)
        return found

    def _enter(self, address: str, threads: int) -> list[str]:
        """Ask a worker for its surroundings; what is wrong with them."""
        folder = str(self._folder or "")
        try:
            around = call(self.client, address, look_around, folder, self._probe, self._spool)
        except LostWorkerError:  # it is looked at again if it comes back
            self.miss(address)
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
