from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from zoo.data.cache.room import Room


def test_no_more_is_held_than_there_is() -> None:
    room, lock = Room(10), threading.Lock()
    held, most = 0, 0

    def work(size: int) -> None:
        nonlocal held, most
        with room.hold(size):
            with lock:
                held += min(size, 10)
                most = max(most, held)
            with lock:
                held -= min(size, 10)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [3, 4, 5, 1000, 2, 10, 1] * 50))
    assert held == 0
    assert 5 <= most <= 10


def test_what_fails_gives_back_what_it_held() -> None:
    room = Room(10)
    for _ in range(3):
        try:
            with room.hold(10):
                raise ValueError
        except ValueError:
            continue
