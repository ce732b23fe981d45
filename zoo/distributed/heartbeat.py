"""Which ranks live: each says so every second, in the launcher's store.

Collectives say that something is wrong, not who is at fault. A rank that is killed or stopped says
nothing any more; one that ends by an error says which, before it ends.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Thread

from zoo.distributed.bounded_store import Store

PERIOD = 1.0  # seconds between two beats
SILENT = 3.5 * PERIOD  # without a beat: a busy machine is late by one or two


class Heartbeat:
    """This rank's, and what those of the others say.

    Args:
        store: a connection that nobody else uses: who waits for a key keeps all others waiting.
        rank, size: this one, and how many there are.
        on_lost: called once, on another thread, where the store is gone: so is the launcher.
    """

    def __init__(self, store: Store, rank: int, size: int, on_lost: Callable[[], object]) -> None:
        self._store, self._rank, self._size = store, rank, size
        self._on_lost = on_lost
        self._ended = Event()
        self._heard: dict[int, tuple[bytes, float]] = {}
        self._beat(0)
        self._thread = Thread(target=self._run, name="zoo heartbeat", daemon=True)
        self._thread.start()

    def end(self, message: str = "") -> None:
        """Beat no more; ``message`` says why, "" where all is done."""
        if not self._ended.is_set():
            self._ended.set()
            with suppress(RuntimeError):
                self._store.set(f"ended/{self._rank}", message)

    def others(self) -> list[int]:
        """The other ranks."""
        return [rank for rank in range(self._size) if rank != self._rank]

    def why_ended(self, rank: int) -> str | None:
        """What a rank that has ended said of it; None for one that has not said that it ends."""
        key = f"ended/{rank}"
        return self._store.get(key).decode() if self._store.check([key]) else None

    def silence(self, rank: int) -> float:
        """For how many seconds this one has not heard another, since it listens."""
        now = time.monotonic()
        beat = self._store.get(f"beat/{rank}") if self._store.check([f"beat/{rank}"]) else b""
        before, since = self._heard.setdefault(rank, (beat, now))
        if beat != before:
            self._heard[rank] = beat, now
            return 0.0
        return now - since

    def silent(self) -> list[int]:
        """The others that do not beat any more; takes a few seconds."""
        self._heard.clear()
        until = time.monotonic() + SILENT
        while time.monotonic() < until:
            for rank in self.others():
                self.silence(rank)
            time.sleep(PERIOD / 4)
        return [rank for rank in self.others() if self.silence(rank) >= SILENT - PERIOD / 2]

    def _beat(self, number: int) -> None:
        self._store.set(f"beat/{self._rank}", str(number))

    def _run(self) -> None:
        number = 0
        while not self._ended.wait(PERIOD):
            number += 1
            try:
                self._beat(number)
            except RuntimeError:
                if not self._ended.is_set():
                    self._on_lost()
                return
