"""The end of the process, which what a plugin leaves behind neither delays nor changes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import NoReturn

from zoo.cli.main import STOPPING, main
from zoo.cli.streams import say

LONGEST_END = 5.0  # seconds for the threads and exit handlers of libraries and plugins


def console_main() -> NoReturn:
    """Run the command line as a program: the process ends with it, and with its exit code.

    Python's own end follows, with what profilers and others write in it, unless it takes more than
    ``LONGEST_END`` seconds: a thread of a plugin would hold it for ever. For use inside of another
    program there is :func:`zoo.cli.main.main`.
    """
    code: object = 1
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    except KeyboardInterrupt as stopped:  # a signal when all was done but this
        code = 128 + getattr(stopped, "number", signal.SIGINT)
    sys.stdout = sys.stderr  # what an exit handler prints is no part of the output
    for number in (signal.SIGINT, *STOPPING):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)  # all is written: nothing is to be put away
    status = code if isinstance(code, int) else 1
    with suppress(RuntimeError):  # no further thread is allowed
        threading.Thread(target=_end_late, args=(status,), daemon=True).start()
    sys.exit(status)


def _end_late(status: int) -> None:
    """End the process where it has not ended by itself, once Python has begun to end it."""
    threading.main_thread().join()  # not before: a debugger or profiler may have called
    time.sleep(LONGEST_END)
    others = set(threading.enumerate()) - {threading.main_thread()}
    names = sorted(thread.name for thread in others if not thread.daemon)
    what = f"the thread {', '.join(names)}" if names else "an exit handler"
    say(f"warning: {what} of a plugin or library still runs: zoo ends without it", err=True)
    os._exit(status)
