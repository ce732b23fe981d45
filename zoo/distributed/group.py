"""Ranks that are processes, through the collectives of ``torch.distributed``."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]  # torch's own

from zoo.distributed.bounded_store import BoundedStore
from zoo.distributed.buckets import FLAGS, Buckets
from zoo.distributed.heartbeat import Heartbeat
from zoo.distributed.launch import ADDRESS, PARENT, Launch
from zoo.errors import RankError, ZooError, format_error

T = TypeVar("T")

LONGEST_ANSWER = 10.0  # seconds, of the store, which is asked for little
A_TRY = timedelta(seconds=2)  # to connect
POLL = 0.02  # seconds between two looks at who has come


@contextmanager
def group_of(launch: Launch, device: torch.device, timeout: float) -> Iterator[Group]:
    """The ranks of a run, within ``with``; whatever ends it is told to the others.

    Args:
        launch: this process among them.
        device: where it computes.
        timeout: seconds that a rank is waited for which does not answer.

    Raises:
        RankError: not all ranks have come.
    """
    group = Group(launch, device, timeout)
    try:
        yield group
    except BaseException as error:
        group.end(_why(error))
        raise
    group.end("")
    if launch.rank == 0:  # which may keep the store that the others need to the end
        group.wait_for_ends()
    dist.destroy_process_group()


class Group:
    """The world of a process that others compute with; see :class:`.world.World`.

    What is asked after each step is one collective, which fails where a rank is gone, or does not
    come within the time-out. For what may take ranks different times, such as reading images, they
    first wait for each other, as long as all of them live.

    Args:
        launch, device, timeout: as of :func:`group_of`.
    """

    def __init__(self, launch: Launch, device: torch.device, timeout: float) -> None:
        self.rank, self.size = launch.rank, launch.size
        self.seconds = 0.0
        self._timeout = timeout
        self._meetings = 0
        self._flags: Sequence[bool] = ()
        self._agreed = torch.zeros(FLAGS)
        self._buckets: dict[object, Buckets] = {}
        prefix = f"zoo/{launch.restarts}"
        limit = timedelta(seconds=timeout)
        try:
            self._shared, of_beats = _stores(self.rank, limit)
            store = PrefixStore(prefix, self._shared)
            self._store = BoundedStore(store, timeout)
            beats = BoundedStore(PrefixStore(prefix, of_beats), min(timeout, LONGEST_ANSWER))
            self._heartbeat = Heartbeat(beats, self.rank, self.size, _end_as_by_launcher)
            self._meet()
            backend = "gloo" if device.type == "cpu" else "cpu:gloo,cuda:nccl"
            dist.init_process_group(
                backend, store=store, rank=self.rank, world_size=self.size, timeout=limit
            )
            self._on_cpu = dist.new_group(backend="gloo", timeout=limit)
        except (RuntimeError, ValueError) as error:
            raise RankError(f"ranks: cannot find each other: {format_error(error)}") from error

    def average(self, loss: Tensor, gradients: Sequence[Tensor], count: float | Tensor) -> Tensor:
        """An all-reduce of each bucket of gradients, the last with the loss, count and flags."""
        buckets = self._buckets_of(loss, gradients)
        buckets.begin_all(loss, gradients, count, self._flags)
        began = time.monotonic()
        self._collective(buckets.wait)
        self.seconds += time.monotonic() - began
        mean, self._agreed = buckets.result(gradients)
        return mean

    def buckets(self, gradients: Sequence[Tensor]) -> Buckets | None:
        """Those of large gradients on a CPU."""
        buckets = self._buckets_of(gradients[0], gradients) if gradients else None
        return buckets if buckets and len(buckets.members) > 1 else None

    def agreed(self, *flags: bool) -> Sequence[bool]:
        """Those of the latest average; ``flags`` go into the next one."""
        self._flags = flags
        return [number > 0 for number in self._agreed.tolist()[: len(flags)]]

    def all_gather(self, blocks: Sequence[Tensor]) -> None:
        """An all-gather of this rank's block, in place."""
        self._collective(lambda: dist.all_gather(list(blocks), blocks[self.rank]))

    def all_agree(self, yes: bool) -> bool:
        """The least of all."""
        least = torch.tensor(int(yes))
        self._collective(lambda: dist.all_reduce(least, dist.ReduceOp.MIN, group=self._on_cpu))
        return bool(least)

    def gather(self, value: T) -> list[T]:
        """An all-gather of objects, once all ranks have come."""
        self._meet()
        values: list[Any] = [None] * self.size
        self._collective(lambda: dist.all_gather_object(values, value, group=self._on_cpu))
        return values

    def broadcast(self, value: T) -> T:
        """A broadcast of an object, once all ranks have come."""
        self._meet()
        values: list[Any] = [value]
        self._collective(lambda: dist.broadcast_object_list(values, 0, group=self._on_cpu))
        result: T = values[0]
        return result

    def remember(self, key: str, value: str) -> None:
        """Keep a text in the launcher's store, which outlives the ranks."""
        self._shared.set(f"zoo/{key}", value)

    def remembered(self, key: str) -> str | None:
        """What is kept there; None for nothing."""
        name = f"zoo/{key}"
        return self._shared.get(name).decode() if self._shared.check([name]) else None

    def end(self, message: str) -> None:
        """Say to the others that this one ends, and why."""
        self._heartbeat.end(message)

    def wait_for_ends(self) -> None:
        """Wait until all others have ended, or are gone."""
        others = self._heartbeat.others()
        with suppress(RuntimeError):
            while any(
                self._heartbeat.why_ended(rank) is None
                and self._heartbeat.silence(rank) < self._timeout
                for rank in others
            ):
                time.sleep(POLL)

    def _meet(self) -> None:
        """Wait until all ranks have come here, as long as they live.

        Where the store is gone that tells who lives, the collective that follows finds out: a
        launcher's may be, and the ranks still end together.

        Raises:
            RankError: one has ended, or has been silent for the time-out.
        """
        key = f"meeting/{self._meetings}"
        self._meetings += 1
        with suppress(RuntimeError):
            self._store.set(f"{key}/{self.rank}", "")
            missing = self._heartbeat.others()
            looked = time.monotonic()
            while missing := [it for it in missing if not self._store.check([f"{key}/{it}"])]:
                time.sleep(POLL)
                if time.monotonic() - looked > 1:
                    looked = time.monotonic()
                    self._check_alive(missing)

    def _check_alive(self, ranks: Sequence[int]) -> None:
        for rank in ranks:
            if (why := self._heartbeat.why_ended(rank)) is not None:
                raise RankError(_ended(rank, why))
            if self._heartbeat.silence(rank) > self._timeout:
                raise RankError(
                    f"rank {rank}: has not answered for {self._timeout:g} seconds. Its process is "
                    "gone or stopped, or its machine cannot be reached."
                )

    def _buckets_of(self, loss: Tensor, gradients: Sequence[Tensor]) -> Buckets:
        """The same for the same shapes and types."""
        like = gradients[0] if gradients else loss
        key = like.dtype, like.device, *(gradient.shape for gradient in gradients)
        if key not in self._buckets:
            self._buckets[key] = Buckets(gradients, like, self._all_reduce, self.size)
        return self._buckets[key]

    def _all_reduce(self, tensor: Tensor) -> Any:
        """Begin it."""
        return self._collective(lambda: dist.all_reduce(tensor, async_op=True))

    def _collective(self, call: Callable[[], T]) -> T:
        try:
            return call()
        except RuntimeError as error:
            raise self._lost(error) from error

    def _lost(self, error: RuntimeError) -> RankError:
        """Who is at fault that a collective failed."""
        with suppress(RuntimeError):  # the store may be gone, too
            silent = self._heartbeat.silent()
            for rank in self._heartbeat.others():
                if (why := self._heartbeat.why_ended(rank)) is not None:
                    return RankError(_ended(rank, why))
            if silent:
                who = ", ".join(map(str, silent))
                return RankError(
                    f"rank {who}: does not answer any more. Its process was killed or stopped, or "
                    "its machine cannot be reached."
                )
            return RankError(
                f"ranks: all live, and what they compute together failed: {format_error(error)}. "
                "A rank hangs, or cannot reach another."
            )
        keeper = "launcher" if _by_launcher() else "rank 0"
        return RankError(f"{keeper}: cannot be reached any more. It has ended, or its machine has.")


def _stores(rank: int, timeout: timedelta) -> tuple[Any, Any]:
    """Two connections to the store that all ranks have; the second fails soon where it is gone.

    Raises:
        RankError: it cannot be reached within the time-out, or who started this process is gone.
    """
    until = time.monotonic() + timeout.total_seconds()
    first = _store(rank == 0 and not _by_launcher(), until)
    second = _store(False, until)
    first.set_timeout(timeout)
    second.set_timeout(min(timeout, timedelta(seconds=LONGEST_ANSWER)))
    return first, second


def _store(keeps: bool, until: float) -> Any:
    """A connection, by tries between which signals are seen: torch itself looks at none."""
    address, port = (os.environ[name] for name in ADDRESS)
    while True:
        try:
            return TCPStore(address, int(port), None, keeps, A_TRY, wait_for_workers=False)
        except RuntimeError as error:
            if keeps:  # another program has the port
                raise
            if os.getppid() != PARENT:
                raise RankError("launcher: is gone; nothing was trained.") from error
            if time.monotonic() > until:
                raise RankError(
                    f"ranks: MASTER_ADDR={address}, MASTER_PORT={port}: cannot be reached. Start "
                    "all ranks with the address of rank 0's machine, and a port that is open there."
                ) from error
        time.sleep(POLL)


def _by_launcher() -> bool:
    """Whether torchrun keeps the store; else rank 0 does."""
    return os.environ.get("TORCHELASTIC_USE_AGENT_STORE") == "True"


def _end_as_by_launcher() -> None:
    """The launcher is gone: stop as if it had said so."""
    os.kill(os.getpid(), signal.SIGTERM)


def _ended(rank: int, why: str) -> str:
    if why.startswith("rank "):  # it names another one, which is at fault
        return why
    return f"rank {rank}: has ended{f': {why}' if why else ' before the others'}"


def _why(error: BaseException) -> str:
    if isinstance(error, ZooError):
        return format_error(error).partition("\n")[0]
    return format_error(error)
