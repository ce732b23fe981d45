from __future__ import annotations

import time
from collections.abc import Iterator
from threading import Event

import pytest

from zoo.distributed import heartbeat
from zoo.distributed.heartbeat import Heartbeat


class FakeStore:
    """A store in memory, which can be lost."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}
        self.lost = False

    def set(self, key: str, value: str) -> None:
        self._check()
        self.values[key] = value.encode()

    def get(self, key: str) -> bytes:
        self._check()
        return self.values[key]

    def check(self, keys: list[str]) -> bool:
        self._check()
        return all(key in self.values for key in keys)

    def _check(self) -> None:
        if self.lost:
            raise RuntimeError("Broken pipe")


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStore]:
    monkeypatch.setattr(heartbeat, "PERIOD", 0.05)
    monkeypatch.setattr(heartbeat, "SILENT", 0.5)
    return FakeStore()


def test_who_is_silent(store: FakeStore) -> None:
    """Rank 2 does not beat any more, rank 3 never did."""
    beats = [Heartbeat(store, rank, 4, lambda: None) for rank in range(2)]
    store.set("beat/2", "7")
    assert beats[0].silent() == [2, 3]
    assert beats[0].silence(1) < 0.4
    assert [beats[0].why_ended(rank) for rank in (1, 2)] == [None, None]
    beats[1].end("a full disk")
    assert beats[0].why_ended(1) == "a full disk"
    assert beats[0].silent() == [1, 2, 3]
    beats[0].end()
    assert beats[1].why_ended(0) == ""


def test_a_store_that_is_gone(store: FakeStore) -> None:
    lost = Event()
    beating = Heartbeat(store, 0, 2, lost.set)
    store.lost = True
    assert lost.wait(20)
    beating.end("it cannot be said")
    quiet = Event()
    store.lost = False
    ended = Heartbeat(store, 1, 2, quiet.set)
    ended.end()
    store.lost = True
    time.sleep(0.2)
    assert not quiet.is_set()
