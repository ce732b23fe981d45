from __future__ import annotations

import threading

import pytest

from zoo.data.prefetch import prefetch


def threads() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("prefetch")]


def test_items_come_in_order_and_from_one_other_thread() -> None:
    makers = set()

    def prepare(index: int) -> int:
        makers.add(threading.current_thread())
        return index**2

    assert list(prefetch(prepare, range(2, 12), depth=3)) == [i**2 for i in range(2, 12)]
    assert len(makers) == 1
    assert threading.current_thread() not in makers
    assert threads() == []


def test_no_more_than_depth_items_are_prepared_ahead() -> None:
    prepared: list[int] = []
    items = prefetch(prepared.append, range(100), depth=4)
    assert prepared == []  # nothing before the first item is asked for
    for taken in range(1, 20):
        next(items)
        assert len(prepared) <= taken + 4
    items.close()
    assert len(prepared) <= 19 + 4


def test_an_error_is_raised_where_the_item_is_used() -> None:
    def prepare(index: int) -> int:
        if index == 3:
            raise ValueError("item 3")
        return index

    items = prefetch(prepare, range(10), depth=4)
    assert [next(items) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError) as caught:
        next(items)
    assert str(caught.value) == "item 3"
    assert threads() == []


def test_closing_early_ends_the_thread() -> None:
    items = prefetch(lambda index: index, range(10**9), depth=4)
    assert next(items) == 0
    assert len(threads()) == 1
    items.close()
    assert threads() == []


def test_dropping_the_iterator_ends_the_thread() -> None:
    items = prefetch(lambda index: index, range(10**9), depth=4)
    next(items)
    del items
    assert threads() == []
