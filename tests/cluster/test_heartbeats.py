"""Workers that are halted are told from those that work."""

from __future__ import annotations

from zoo.cluster.heartbeats import LOOKS, Heartbeats


def test_a_silent_worker_is_named_once() -> None:
    heartbeats = Heartbeats()
    found = [heartbeats.look({"works": look, "halted": 5.0}) for look in range(3 * LOOKS)]
    assert [look for look, names in enumerate(found) if names] == [LOOKS]
    assert found[LOOKS] == ["halted"]


def test_one_that_answers_again_may_become_silent_again() -> None:
    heartbeats = Heartbeats()
    first = [heartbeats.look({"a": 1.0}) for _ in range(LOOKS)]
    second = [heartbeats.look({"a": 2.0}) for _ in range(LOOKS + 1)]
    assert first == [[]] * LOOKS
    assert second == [[]] * LOOKS + [["a"]]
