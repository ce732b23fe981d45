"""Workers that compute parts of one batch show each other tensors, and nobody waits for ever."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import BrokenBarrierError

import pytest
import torch
from torch import Tensor
from zoo.train.meeting import Meeting, Seat
from zoo.train.workers import Workers

from zoo.nn import all_gather
from zoo.train import meeting

COUNT = 3


def everybody(work: Callable[[Seat], object]) -> list[object]:
    """What each of three workers computes, on a seat of the same meeting."""
    return Workers(COUNT).run([partial(work, seat) for seat in Meeting(COUNT).seats])


def test_alone_there_is_one_part() -> None:
    assert all_gather(torch.arange(3)).tolist() == [[0, 1, 2]]


def test_each_sees_all_in_the_order_of_the_seats() -> None:
    def work(seat: Seat) -> list[list[float]]:
        number = float(seat._number)

        def several_questions() -> list[Tensor]:
            one, two = (all_gather(torch.tensor([number, factor * number])) for factor in (2, 3))
            return [one, two, all_gather(torch.tensor(number))]

        found = [seat.taken(several_questions)() for _ in range(2)]
        assert all(map(torch.equal, *found))
        assert all_gather(torch.zeros(2)).shape == (1, 2)  # outside of a pass
        return [tensor.tolist() for tensor in found[0]]

    expected = [[[0, 0], [1, 2], [2, 4]], [[0, 0], [1, 3], [2, 6]], [0, 1, 2]]
    assert everybody(work) == [expected] * COUNT


def test_what_was_gathered_is_ones_own() -> None:
    def work(seat: Seat) -> list[float]:
        def twice() -> Tensor:
            first = all_gather(torch.ones(()))
            all_gather(torch.zeros(()))
            return first

        first = seat.taken(twice)()
        seat.taken(twice)().zero_()
        values: list[float] = first.tolist()
        return values

    assert everybody(work) == [[1, 1, 1]] * COUNT


@pytest.mark.parametrize("leaving", range(COUNT))
def test_the_error_of_the_one_that_leaves_is_raised(leaving: int) -> None:
    def work(seat: Seat) -> None:
        def fails() -> None:
            raise ValueError("left")

        if seat._number == leaving:
            seat.taken(fails)()
        with pytest.raises(BrokenBarrierError):
            seat.taken(partial(all_gather, torch.ones(3)))()
        seat.taken(partial(all_gather, torch.ones(3)))()

    with pytest.raises(ValueError, match="left"):
        everybody(work)


def test_a_meeting_begins_again() -> None:
    together = Meeting(1)
    (seat,) = together.seats
    seat.leave()
    with pytest.raises(BrokenBarrierError):
        seat.taken(partial(all_gather, torch.ones(3)))()
    together.begin()
    assert seat.taken(partial(all_gather, torch.ones(3)))().tolist() == [[1, 1, 1]]


def test_votes(monkeypatch: pytest.MonkeyPatch) -> None:
    assert everybody(lambda seat: seat.agree(True)) == [True] * COUNT
    assert everybody(lambda seat: seat.agree(seat._number != 1)) == [False] * COUNT
    monkeypatch.setattr(meeting, "VOTE", 0.05)
    assert everybody(lambda seat: seat._number == 1 or seat.agree(True)) == [False, True, False]


def test_one_that_waits_for_who_votes_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting, "VOTE", 0.05)

    def work(seat: Seat) -> bool:
        if seat._number:
            return seat.agree(True)
        with pytest.raises(BrokenBarrierError):
            seat.taken(partial(all_gather, torch.ones(3)))()
        return seat.agree(True)

    assert everybody(work) == [False] * COUNT
