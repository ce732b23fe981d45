"""Ranks that compute parts of one batch show each other tensors, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import BrokenBarrierError

import pytest
import torch
from torch import Tensor

from tests.distributed.threads import ThreadWorld, together
from zoo.engine.parallel import thread_group
from zoo.engine.parallel.thread_group import Rank, ThreadGroup
from zoo.engine.parallel.threads import ThreadPool
from zoo.nn import all_gather

COUNT = 3


def everybody(work: Callable[[int, Rank], object]) -> list[object]:
    """What each of three threads computes, given its number and its rank in one group."""
    works = [partial(work, *ranked) for ranked in enumerate(ThreadGroup(COUNT).ranks)]
    return ThreadPool(COUNT).run(works)


def test_alone_there_is_one_part() -> None:
    assert all_gather(torch.arange(3)).tolist() == [[0, 1, 2]]


def test_each_sees_all_in_the_order_of_the_ranks() -> None:
    def work(number: int, rank: Rank) -> list[list[float]]:
        def several_questions() -> list[Tensor]:
            one, two = (
                all_gather(torch.tensor([1.0 * number, factor * number])) for factor in (2, 3)
            )
            return [one, two, all_gather(torch.tensor(1.0 * number))]

        found = [rank.with_collectives(several_questions)() for _ in range(2)]
        assert all(map(torch.equal, *found))
        assert all_gather(torch.zeros(2)).shape == (1, 2)  # outside of a pass
        return [tensor.tolist() for tensor in found[0]]

    expected = [[[0, 0], [1, 2], [2, 4]], [[0, 0], [1, 3], [2, 6]], [0, 1, 2]]
    assert everybody(work) == [expected] * COUNT


def test_what_was_gathered_is_ones_own() -> None:
    def work(number: int, rank: Rank) -> list[float]:
        def twice() -> Tensor:
            first = all_gather(torch.ones(()))
            all_gather(torch.zeros(()))
            return first

        first = rank.with_collectives(twice)()
        rank.with_collectives(twice)().zero_()
        values: list[float] = first.tolist()
        return values

    assert everybody(work) == [[1, 1, 1]] * COUNT


@pytest.mark.parametrize("failing", range(COUNT))
def test_the_error_of_the_one_that_aborts_is_raised(failing: int) -> None:
    def work(number: int, rank: Rank) -> None:
        def fails() -> None:
            raise ValueError("failed")

        if number == failing:
            rank.with_collectives(fails)()
        with pytest.raises(BrokenBarrierError):
            rank.with_collectives(partial(all_gather, torch.ones(3)))()
        rank.with_collectives(partial(all_gather, torch.ones(3)))()

    with pytest.raises(ValueError, match="failed"):
        everybody(work)


def test_a_group_begins_again() -> None:
    group = ThreadGroup(1)
    (rank,) = group.ranks
    rank.abort()
    with pytest.raises(BrokenBarrierError):
        rank.with_collectives(partial(all_gather, torch.ones(3)))()
    group.reset()
    assert rank.with_collectives(partial(all_gather, torch.ones(3)))().tolist() == [[1, 1, 1]]


def test_all_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    assert everybody(lambda number, rank: rank.all_agree(True)) == [True] * COUNT
    assert everybody(lambda number, rank: rank.all_agree(number != 1)) == [False] * COUNT
    monkeypatch.setattr(thread_group, "TIMEOUT", 0.05)
    assert everybody(lambda number, rank: number == 1 or rank.all_agree(True)) == [
        False,
        True,
        False,
    ]


def test_one_that_waits_for_who_agrees_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thread_group, "TIMEOUT", 0.05)

    def work(number: int, rank: Rank) -> bool:
        if number:
            return rank.all_agree(True)
        with pytest.raises(BrokenBarrierError):
            rank.with_collectives(partial(all_gather, torch.ones(3)))()
        return rank.all_agree(True)

    assert everybody(work) == [False] * COUNT


def test_threads_of_several_processes_see_all() -> None:
    """In the order of the processes, and of the threads in each; all of all agree."""

    def work(world: ThreadWorld) -> list[object]:
        group = ThreadGroup(2, world)

        def of_thread(rank: Rank, number: int) -> object:
            number += 2 * world.rank
            gathered = rank.with_collectives(partial(all_gather, torch.tensor([number])))()
            votes = [rank.all_agree(True), rank.all_agree(number != 3)]
            return gathered.flatten().tolist(), votes

        works = [partial(of_thread, *ranked) for ranked in zip(group.ranks, (0, 1), strict=True)]
        return ThreadPool(2).run(works)

    expected = [([0, 1, 2, 3], [True, False])] * 2
    assert together(2, work) == [expected, expected]
