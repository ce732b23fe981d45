"""What lies in which bucket, when it begins, and what comes out; all-reduces are noted here."""

from __future__ import annotations

from collections.abc import Sequence
from threading import Thread

import pytest
import torch
from torch import Tensor

from zoo.distributed import buckets
from zoo.distributed.buckets import Buckets

SHAPES = ((2, 3), (4,), (5, 2), (3,), (1,))  # 6, 4, 10, 3 and 1 numbers


class AllReduce:
    """Of ranks that all have the same: begins, notes, and sums when it is waited for."""

    def __init__(self, ranks: int = 2) -> None:
        self.ranks = ranks
        self.begun: list[list[float]] = []

    def __call__(self, tensor: Tensor) -> AllReduce.Work:
        self.begun.append(tensor.tolist())
        return AllReduce.Work(tensor, self.ranks)

    class Work:
        def __init__(self, tensor: Tensor, ranks: int) -> None:
            self.tensor, self.ranks = tensor, ranks

        def wait(self) -> None:
            self.tensor *= self.ranks


def gradients_of(value: float) -> list[Tensor]:
    return [torch.full(shape, value + number) for number, shape in enumerate(SHAPES)]


def lengths(begun: Sequence[Sequence[float]]) -> list[int]:
    return [len(each) for each in begun]


@pytest.fixture
def all_reduce(monkeypatch: pytest.MonkeyPatch) -> AllReduce:
    monkeypatch.setattr(buckets, "OVERLAPPED_BYTES", 16)
    monkeypatch.setattr(buckets, "MESSAGE_BYTES", 8)  # of two ranks: buckets of four numbers
    return AllReduce()


@pytest.fixture
def small(all_reduce: AllReduce) -> Buckets:
    return Buckets(gradients_of(0.0), torch.zeros(()), all_reduce, 2)


def averaged(found: Buckets, gradients: list[Tensor], count: float = 3) -> tuple[float, list[int]]:
    """The loss of 5, and the flags, after all is done; gradients become the means."""
    found.begin_all(torch.tensor(5.0), gradients, count, (True, False))
    found.wait()
    loss, flags = found.result(gradients)
    return float(loss), flags.tolist()


def test_buckets_go_from_the_last_layer_to_the_first(small: Buckets) -> None:
    assert small.members == [[4, 3], [2], [1], [0]]


def test_buckets_of_more_ranks_are_larger(all_reduce: AllReduce) -> None:
    """So that messages are not smaller."""
    found = [Buckets(gradients_of(0.0), torch.zeros(()), all_reduce, ranks) for ranks in (4, 8, 99)]
    assert [each.members for each in found] == [
        [[4, 3, 2], [1, 0]],
        [[4, 3, 2, 1], [0]],
        [[4, 3, 2, 1, 0]],
    ]


def test_gradients_that_are_small_have_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "OVERLAPPED_BYTES", 24 * 4)
    all_reduce = AllReduce()
    found = Buckets(gradients_of(0.0), torch.zeros(()), all_reduce, 2)
    assert found.members == [[4, 3, 2, 1, 0]]
    averaged(found, gradients_of(1.0))
    assert lengths(all_reduce.begun) == [24 + 2 + buckets.FLAGS]


def test_on_another_device_than_a_cpu_there_is_one(all_reduce: AllReduce) -> None:
    gradients = [gradient.to("meta") for gradient in gradients_of(0.0)]
    found = Buckets(gradients, gradients[0], all_reduce, 2)
    assert found.members == [[4, 3, 2, 1, 0]]


def test_without_gradients_there_is_the_loss() -> None:
    all_reduce = AllReduce()
    assert averaged(Buckets([], torch.zeros(()), all_reduce, 2), []) == (5, [2, 0])
    assert all_reduce.begun == [[15, 3, 1, 0]]


def test_a_bucket_begins_when_it_and_those_before_it_are_done(
    small: Buckets, all_reduce: AllReduce
) -> None:
    gradients = gradients_of(1.0)
    small.start(3)
    small.done(1, [gradients[2]], 0, 1)
    assert all_reduce.begun == []
    small.done(0, [gradients[4], gradients[3]], 0, 1)
    assert all_reduce.begun == [[15, 12, 12, 12], [9] * 10]
    small.done(3, [gradients[0]], 0, 1)
    small.done(2, [gradients[1]], 0, 1)
    assert lengths(all_reduce.begun) == [4, 10, 4]  # the last waits for the loss
    assert averaged(small, gradients) == (5, [2, 0])
    assert all_reduce.begun[-1] == [3] * 6 + [15, 3, 1, 0]
    assert all(map(torch.equal, gradients, gradients_of(1.0)))


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_threads_are_summed_in_their_order(
    order: tuple[int, int], small: Buckets, all_reduce: AllReduce
) -> None:
    """Whoever is first: in float32, 1e8 + 8 + 1 - 1e8 is 8 in this order alone."""
    of_threads = [[torch.full(shape, value) for shape in SHAPES] for value in (1e8 + 8, 1.0, -1e8)]
    small.start(1)
    for thread in (*order, 2):
        done = [of_threads[thread][4], of_threads[thread][3]]
        teller = Thread(target=small.done, args=(0, done, thread, 3))
        teller.start()
        teller.join()
    assert all_reduce.begun == [[8, 8, 8, 8]]


def test_all_begin_in_one_order_whatever_was_told(small: Buckets, all_reduce: AllReduce) -> None:
    for told in ((), (0,), (0, 1, 2), (1, 2)):
        gradients = gradients_of(2.0)
        small.start(3)
        for bucket in told:
            done = [gradients[number] for number in small.members[bucket]]
            small.done(bucket, done, 0, 1)
        averaged(small, gradients)
        assert lengths(all_reduce.begun) == [4, 10, 4, 6 + 2 + buckets.FLAGS]
        all_reduce.begun.clear()
        assert all(map(torch.equal, gradients, gradients_of(2.0)))


def test_no_images_at_any_rank(small: Buckets) -> None:
    gradients = gradients_of(1.0)
    assert averaged(small, gradients, 0) == (0, [2, 0])
    assert not torch.cat([gradient.flatten() for gradient in gradients]).any()
