"""A command in a terminal of its own, whose keys a test presses."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

CTRL_C = b"\x03"  # which the terminal makes a SIGINT of, for the command and all of its group


class Terminal:
    """A running command.

    Args:
        command: what runs.
        cwd: where.
        environment: beside this process's.
    """

    def __init__(self, command: list[str], cwd: Path, environment: Mapping[str, str]) -> None:
        import pty

        self._ours, theirs = pty.openpty()
        code = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
        code += "os.execv(sys.argv[1], sys.argv[1:])"
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, *command],
            cwd=cwd,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env={**os.environ, **environment},
        )
        os.close(theirs)
        self._shown = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def press(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def end(self, seconds: float) -> tuple[int, str]:
        """The exit code, and all that was shown; it has to end within so many seconds."""
        code = self.process.wait(seconds)
        self._reader.join(10)
        return code, self._shown.decode().replace("\r\n", "\n")

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)

    def _read(self) -> None:
        with suppress(OSError):  # when the last process of the terminal has ended
            while part := os.read(self._ours, 2**16):
                self._shown += part


@contextmanager
def terminal(*command: str, cwd: Path, **environment: str) -> Iterator[Terminal]:
    """``python -m zoo COMMAND`` in a terminal, ended afterwards."""
    found = Terminal([sys.executable, "-m", "zoo", *command], cwd, environment)
    try:
        yield found
    finally:
        found.close()
