from __future__ import annotations

from itertools import chain

import pytest

from zoo.distributed.shards import Division, Shards


def images(count: int, size: int, division: Division = "any") -> list[list[int]]:
    """The images of each rank."""
    whole = list(range(count))
    return [whole[Shards(rank, size, division).of(count)] for rank in range(size)]


@pytest.mark.parametrize("count", [0, 1, 3, 10, 17])
@pytest.mark.parametrize("size", [2, 3, 4])
def test_each_image_is_one_ranks(count: int, size: int) -> None:
    found = images(count, size)
    assert list(chain(*found)) == list(range(count))
    sizes = [len(part) for part in found]
    assert max(sizes) - min(sizes) <= 1


def test_shards_of_one_size() -> None:
    assert images(6, 3, "equal") == [[0, 1], [2, 3], [4, 5]]
    assert images(4, 3, "equal") == [[0, 1, 2, 3]] * 3
    assert [Shards(0, 3, "equal").divides(count) for count in (6, 4)] == [True, False]


def test_batches_that_are_never_divided() -> None:
    assert images(4, 2, "none") == [[0, 1, 2, 3]] * 2
    assert images(4, 1) == [[0, 1, 2, 3]]
    assert not Shards(0, 2, "none").divides(4)
    assert not Shards().divides(4)
