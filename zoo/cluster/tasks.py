"""What a task on a worker knows of itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from zoo.errors import Stopped

SIGTERM = 15
PAUSE = 0.2  # seconds between two looks


def unless_cancelled() -> Callable[[], None]:
    """A function that raises Stopped once nobody waits for the task that this was called in.

    That is when the client has cancelled it or is gone, or the worker closes.
    """
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def check() -> None:
        task = worker.state.tasks.get(key)
        wanted = task is not None and task.state != "cancelled"
        if not wanted or worker.status.name not in ("running", "paused"):
            raise Stopped("stopped", SIGTERM)

    return check


def pause_with(check: Callable[[], None], seconds: float) -> None:
    """Sleep, in short parts between which a function may raise."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, PAUSE))
        check()
