"""Which worker does which piece of work, until all are done; a lost worker's goes elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from zoo.cluster.links import BETWEEN_LOOKS, TIMEOUTS, LostWorkerError, WorkerLink
from zoo.cluster.workers import Workers
from zoo.errors import ZooError, format_error, printable

MOST_LOST = 5  # workers, until a piece of work is taken for what ends them


class Piece(Protocol):
    """A piece of work, with all that a worker needs for it."""

    def begin(self, link: WorkerLink) -> bool:
        """Send what the worker needs; False where the work cannot begin now.

        Raises:
            LostWorkerError: the worker is gone.
            OSError, ZooError: the piece cannot be worked on.
        """

    def task(self, link: WorkerLink) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """The function that the worker is to call, and its arguments."""

    def take(self, link: WorkerLink, value: Any) -> None:
        """Take what the function returned and the files that it has written.

        Raises:
            LostWorkerError: the worker is gone.
            OSError, ZooError: the files cannot be taken.
        """

    def fail(self, reason: str) -> None:
        """Take that it came to nothing, and why."""

    def put_off(self) -> None:
        """Its worker is lost: another will begin."""


@dataclass
class _Running:
    """A piece of work at a worker."""

    piece: Piece
    link: WorkerLink
    future: Any


class Dispatcher:
    """Gives pieces of work to workers.

    Args:
        workers: of the cluster.
        tasks_of: how many pieces a worker gets at once.
        choose: which of some pieces a worker gets next: their index.
        changed: told the workers that are there whenever others are.

    Attributes:
        cluster: its name.
        running: the pieces at work, each with its worker.
    """

    def __init__(
        self,
        workers: Workers,
        tasks_of: Callable[[WorkerLink], int],
        choose: Callable[[WorkerLink, Sequence[Piece]], int] = lambda _link, _pieces: 0,
        changed: Callable[[Sequence[WorkerLink]], object] = lambda _: None,
    ) -> None:
        self._workers, self._tasks_of = workers, tasks_of
        self.cluster = workers.cluster
        self._choose, self._changed = choose, changed
        self._running: list[_Running] = []
        self._left: list[Piece] = []
        self._losses: dict[int, int] = {}
        self._known: list[str] = []

    @property
    def running(self) -> list[tuple[Piece, WorkerLink]]:
        """The pieces at work, each with its worker."""
        return [(it.piece, it.link) for it in self._running]

    def work(self, pieces: Iterable[Piece]) -> None:
        """Have all pieces done; what ends this leaves the tasks to be cancelled (:meth:`cancel`).

        Raises:
            ClusterError: the scheduler is gone.
        """
        self._left = list(pieces)
        while self._left or self._running:
            links = self._workers.look()
            if list(links) != self._known:
                self._known = list(links)
                self._changed(self._workers.links)
            self._drop_lost(links)
            for link in self._workers.links:
                self._fill(link)
            self._take_ended()

    def cancel(self) -> None:
        """Have all tasks end; those that have a process of their own save it first."""
        for it in self._running:
            it.future.cancel(force=True)

    def _fill(self, link: WorkerLink) -> None:
        """Begin as many pieces as a worker has room for."""
        room = self._tasks_of(link) - sum(it.link.address == link.address for it in self._running)
        candidates = list(self._left)
        while candidates and room > 0:
            piece = candidates.pop(self._choose(link, candidates))
            try:
                if not piece.begin(link):
                    continue
            except LostWorkerError:
                self._workers.miss(link.address)
                return
            except (OSError, ZooError) as error:
                self._left.remove(piece)
                piece.fail(_reason(error))
                continue
            self._left.remove(piece)
            function, arguments = piece.task(link)
            future = self._workers.client.submit(
                function, *arguments, workers=[link.address], pure=False
            )
            self._running.append(_Running(piece, link, future))
            room -= 1

    def _take_ended(self) -> None:
        """Take what has ended, once something has or a second is over."""
        until = time.monotonic() + BETWEEN_LOOKS
        while not any(it.future.done() for it in self._running) and time.monotonic() < until:
            time.sleep(BETWEEN_LOOKS / 50)
        for it in [it for it in self._running if it.future.done()]:
            self._running.remove(it)
            self._take(it)

    def _take(self, it: _Running) -> None:
        try:
            if it.future.status == "finished":
                it.piece.take(it.link, it.future.result(timeout=60))
            elif it.future.status == "error" and not _is_lost(error := it.future.exception()):
                it.piece.fail(_reason(error))
            else:
                self._lose(it)
        except (LostWorkerError, *TIMEOUTS):
            self._lose(it)
        except (OSError, ZooError) as error:
            it.piece.fail(_reason(error))

    def _drop_lost(self, links: dict[str, WorkerLink]) -> None:
        for it in [it for it in self._running if it.link.address not in links]:
            if not it.future.done():
                self._running.remove(it)
                it.future.cancel(force=True)
                self._lose(it)

    def _lose(self, it: _Running) -> None:
        """Put a piece back whose worker is gone, unless it has ended many of them."""
        losses = self._losses[id(it.piece)] = self._losses.get(id(it.piece), 0) + 1
        if losses < MOST_LOST:
            self._workers.lose(it.link.address)
            it.piece.put_off()
            self._left.insert(0, it.piece)
        else:
            it.piece.fail(f"{losses} workers were lost while they were at it.")


def _is_lost(error: BaseException) -> bool:
    """Whether it is Dask that has lost what a task did, and not the task that failed."""
    return type(error).__module__.partition(".")[0] == "distributed"


def _reason(error: BaseException) -> str:
    return printable(str(error)) if isinstance(error, ZooError) else f"{format_error(error)}."
