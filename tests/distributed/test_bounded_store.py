from __future__ import annotations

import time
from threading import Event

import pytest

from tests.distributed.test_heartbeat import FakeStore
from zoo.distributed.bounded_store import BoundedStore


class SilentStore(FakeStore):
    """A store whose link is lost: who asks it waits."""

    asked = 0

    def check(self, keys: list[str]) -> bool:
        self.asked += 1
        return Event().wait()


def test_answers_come_through() -> None:
    store = BoundedStore(FakeStore(), 20)
    store.set("a", "1")
    assert (store.get("a"), store.check(["a"]), store.check(["b"])) == (b"1", True, False)


def test_a_failure_comes_through() -> None:
    lost = FakeStore()
    lost.lost = True
    with pytest.raises(RuntimeError, match="Broken pipe"):
        BoundedStore(lost, 20).get("a")


def test_no_answer_is_waited_for_once() -> None:
    silent = SilentStore()
    store = BoundedStore(silent, 0.1)
    began = time.monotonic()
    for _ in range(3):
        with pytest.raises(RuntimeError, match="the store does not answer"):
            store.check(["a"])
    assert time.monotonic() - began < 10
    assert silent.asked == 1
