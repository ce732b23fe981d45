"""``python -m zoo.cli.sweep_cell run ...``: the command line, which ends when its parent does.

Its standard input is a pipe of the worker's. The pipe ends with the worker, also with one that is
killed, and then this process is stopped as by SIGTERM: it saves its run.
"""

from __future__ import annotations

import os
import signal
import threading

from zoo.cli.ending import console_main


def _stop_with_parent() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    console_main()
