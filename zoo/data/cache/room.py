"""Memory that threads share: many small pictures are decoded at once, and few large ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Room:
    """So many bytes, of which threads hold some for a time.

    Args:
        size: all of them.
    """

    def __init__(self, size: int) -> None:
        self._size = self._left = size
        self._freed = threading.Condition()

    @contextmanager
    def hold(self, size: int) -> Iterator[None]:
        """Wait until so many bytes are left, and hold them; all there are where that is more."""
        held = min(size, self._size)
        with self._freed:
            self._freed.wait_for(lambda: self._left >= held)
            self._left -= held
        try:
            yield
        finally:
            with self._freed:
                self._left += held
                self._freed.notify_all()
