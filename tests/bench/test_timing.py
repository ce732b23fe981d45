"""The order of what is timed, and how often, with a clock of the tests' own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
import torch

from zoo.bench.timing import CASE_SECONDS, LEAST_ROUNDS, MOST_CALLS, alternate, stopwatch_of


def test_calls_are_timed_in_turn_and_the_median_is_taken() -> None:
    times = {"a": [0.5, 0.3, 9.0, 0.1], "b": [0.7, 0.2, 0.4, 0.6], "c": [0.9, 0.8, 0.8, 0.1]}
    left: dict[str, Iterator[float]] = {name: iter(values) for name, values in times.items()}
    order: list[tuple[str, int]] = []

    def stopwatch(call: Callable[[], object], count: int) -> float:
        name = str(call())
        order.append((name, count))
        return next(left[name])

    made: list[str] = []

    def called(name: str) -> str:
        made.append(name)
        return name

    timed = alternate({name: partial(called, name) for name in times}, stopwatch, rounds=3)
    # Each sample after a call that is not timed.
    assert made == ["a", "b", "c", *("a", "a", "b", "b", "c", "c") * 3]
    # One each to see how long they take, then three rounds.
    assert order == [("a", 1), ("b", 1), ("c", 1)] * 4
    assert timed.seconds == {"a": 0.3, "b": 0.4, "c": 0.8}
    assert (timed.rounds, timed.calls) == (3, 1)


@pytest.mark.parametrize(
    ("quickest", "count"),
    [(1.0, 1), (0.05, 1), (0.0125, 4), (0.017, 3), (1e-9, MOST_CALLS), (0, 100)],
)
def test_a_sample_of_what_is_quick_is_of_several_calls(quickest: float, count: int) -> None:
    counts: list[int] = []

    def stopwatch(call: Callable[[], object], count: int) -> float:
        counts.append(count)
        return quickest if call() else 1.0

    timed = alternate({"a": lambda: False, "b": lambda: True}, stopwatch, rounds=2)
    assert counts == [1, 1, count, count, count, count]
    assert timed.calls == count


def test_what_is_slow_is_timed_less_often() -> None:
    now = [0.0]

    def stopwatch(call: Callable[[], object], count: int) -> float:
        now[0] += CASE_SECONDS / 8
        return 1.0

    calls = {"a": int, "b": int}
    assert alternate(calls, stopwatch, rounds=30, clock=lambda: now[0]).rounds == LEAST_ROUNDS
    assert alternate(calls, stopwatch, rounds=2, clock=lambda: now[0]).rounds == 2
    assert alternate({"a": int}, stopwatch, rounds=30, clock=lambda: now[0]).rounds == 8


def test_the_stopwatch_calls_as_often_as_it_is_told() -> None:
    made: list[int] = []
    seconds = stopwatch_of(torch.device("cpu"))(lambda: made.append(1), 7)
    assert len(made) == 7
    assert seconds > 0


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_the_stopwatch_of_a_gpu_waits_for_it() -> None:
    a = torch.ones(4096, 4096, device="cuda")
    watch = stopwatch_of(torch.device("cuda"))
    watch(lambda: a @ a, 1)
    assert watch(lambda: a @ a, 3) > 1e-5  # 137 GFLOP take longer than to say so
