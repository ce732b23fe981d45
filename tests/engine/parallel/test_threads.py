"""Work side by side: each with its share of torch's threads, results in order, errors told."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from zoo.engine.parallel.threads import ThreadPool, num_threads


@pytest.fixture(autouse=True)
def four_threads() -> Iterator[None]:
    with num_threads(4):
        yield


@pytest.mark.parametrize(("count", "each"), [(1, 4), (2, 2), (3, 1), (4, 1), (8, 1)])
def test_each_has_its_share_of_the_threads(count: int, each: int) -> None:
    pool = ThreadPool(count)
    here = threading.get_ident()
    barrier = threading.Barrier(count, timeout=60)

    def work() -> tuple[int, int]:
        barrier.wait()  # all of them run at the same time
        return torch.get_num_threads(), threading.get_ident()

    found = pool.run([work] * count)
    assert [threads_each for threads_each, _ in found] == [each] * count
    assert found[0][1] == here
    assert len({thread for _, thread in found}) == count
    assert torch.get_num_threads() == 4


def test_results_are_in_order() -> None:
    pool = ThreadPool(3)

    def after(seconds: float, result: str) -> str:
        time.sleep(seconds)
        return result

    works = [lambda: after(0.02, "a"), lambda: after(0.01, "b"), lambda: after(0, "c")]
    assert pool.run(works) == ["a", "b", "c"]
    assert pool.run(works[:2]) == ["a", "b"]


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_is_raised_after_all_have_ended(failing: int) -> None:
    pool, ended = ThreadPool(3), []

    def work(number: int) -> None:
        if number == failing:
            raise ValueError(f"work {number}")
        time.sleep(0.02)
        ended.append(number)

    with pytest.raises(ValueError, match=f"work {failing}"):
        pool.run([lambda: work(0), lambda: work(1), lambda: work(2)])
    assert sorted(ended) == sorted({0, 1, 2} - {failing})
    assert torch.get_num_threads() == 4
    assert pool.run([lambda: 1, lambda: 2]) == [1, 2]


@pytest.mark.parametrize("inference", [True, False])
def test_all_are_in_the_callers_inference_mode(inference: bool) -> None:
    """Torch keeps the mode for each thread by itself."""
    pool, tensor = ThreadPool(3), torch.zeros(2)
    for mode in (inference, not inference):
        with torch.inference_mode(mode):
            made = pool.run([lambda: tensor + 1] * 3)
        assert [result.is_inference() for result in made] == [mode] * 3
