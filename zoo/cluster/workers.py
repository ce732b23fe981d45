"""The workers of a cluster that fit: with the client's versions, and where their files are."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from zoo.cluster.alike import by_problem, line_of, refuse, unlike
from zoo.cluster.heartbeats import Heartbeats
from zoo.cluster.links import LostWorkerError, WorkerLink, call, last_seen, require_threads
from zoo.cluster.remote import Probe, look_around
from zoo.errors import WriteError, printable
from zoo.temporary import reserved


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

    def require(self) -> None:
        """Refuse a cluster in which one of the workers that are there does not fit.

        Raises:
            PluginError: a plugin is missing on one, or another version.
            UsageError: another version of something else, or a folder cannot be made on one.
            ClusterError: the scheduler is gone.
        """
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

    def lose(self, address: str) -> None:
        """Say, once, that a worker is lost which had something to do."""
        if address not in self._lost:
            self._lost.add(address)
            self._warn(f"worker {address}: lost; its work goes to another")

    def _look(self) -> dict[str, list[str]]:
        """Take in who is there; what is wrong with new ones, with the addresses of these."""
        there = require_threads(self.client, self.cluster)
        self._fit = {address: link for address, link in self._fit.items() if address in there}
        new = [it for it in there if it not in self._fit and it not in self._unfit]
        found = unlike(self.client, new, self._needs)
        wrong = {it: what or self._enter(it, there[it]) for it, what in found.items()}
        self._unfit |= {address for address, what in wrong.items() if what}
        return by_problem(wrong)

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
