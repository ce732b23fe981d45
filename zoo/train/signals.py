"""Stopping a run from outside without losing it."""

from __future__ import annotations

import os
import signal
from types import FrameType, TracebackType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")  # the last is Slurm's, before its limit
SIGNALS = tuple(getattr(signal, name) for name in NAMES if hasattr(signal, name))
HANG_UP = getattr(signal, "SIGHUP", None)  # the terminal is gone; nohup has it ignored


class StopRequest:
    """Within ``with``, the first of ``NAMES`` is only noted; a second stops at once.

    Not a second SIGHUP: a terminal that closes and the shell in it each send one. Where it is
    ignored from the start it stays so.

    Attributes:
        signal: the number of the signal that came; None until one does.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> StopRequest:
        for number in SIGNALS:
            if number != HANG_UP or signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None and number != HANG_UP:
            for each in self._before:
                signal.signal(each, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.signal = self.signal or number

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() returned
