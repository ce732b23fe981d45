"""Timing several calls side by side, so that what the machine does meanwhile meets all of them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

import torch

Call = Callable[[], object]
Stopwatch = Callable[[Call, int], float]  # (call, count) -> seconds of one call, the mean of count

# A sample is of so many calls that the quickest takes about so long: the clock is then exact
# enough. One more goes before it: the caches and the threads that wait for work are then those of a
# program that does nothing else.
SAMPLE_SECONDS = 0.05
MOST_CALLS = 100
# Slow calls are repeated less often: no more rounds are begun after this time, but for the least.
CASE_SECONDS = 60.0
LEAST_ROUNDS = 5


@dataclass(frozen=True)
class Timed:
    """The times of calls that were timed side by side.

    Attributes:
        seconds: of one call, the median over the rounds, by name.
        rounds: how many samples of each call were taken.
        calls: how many calls a sample is of.
    """

    seconds: Mapping[str, float]
    rounds: int
    calls: int


def alternate(
    calls: Mapping[str, Call],
    stopwatch: Stopwatch,
    rounds: int,
    clock: Callable[[], float] = time.monotonic,
) -> Timed:
    """Time calls in turn, A B C A B C ..., a sample of each in a round.

    Args:
        calls: what is timed, by name; each has been called before, so that it is warm.
        stopwatch: times a call.
        rounds: samples of each call; fewer, but ``LEAST_ROUNDS``, where they take longer than
            ``CASE_SECONDS``.
        clock: tells how long the rounds take, in seconds.
    """
    quickest = min(stopwatch(call, 1) for call in calls.values())
    count = max(1, min(MOST_CALLS, math.ceil(SAMPLE_SECONDS / max(quickest, 1e-9))))
    samples: dict[str, list[float]] = {name: [] for name in calls}
    started, done = clock(), 0
    while done < rounds and (done < LEAST_ROUNDS or clock() - started < CASE_SECONDS):
        for name, call in calls.items():
            call()
            samples[name].append(stopwatch(call, count))
        done += 1
    return Timed({name: median(times) for name, times in samples.items()}, done, count)


def stopwatch_of(device: torch.device) -> Stopwatch:
    """The stopwatch of a device: CUDA's own events on a GPU, the processor's clock elsewhere."""
    return _on_gpu if device.type == "cuda" else _on_cpu


def _on_cpu(call: Call, count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - started) / count


def _on_gpu(call: Call, count: int) -> float:
    # torch has no annotations for its events
    begin = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    torch.cuda.synchronize()
    begin.record()
    for _ in range(count):
        call()
    end.record()
    end.synchronize()
    return float(begin.elapsed_time(end)) / 1000 / count  # from milliseconds
