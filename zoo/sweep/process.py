"""The process of a cell: ended by its input or a signal, and why it failed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress

from zoo.sweep.results import WARNING


def reason_of(code: int, lines: Sequence[str]) -> str:
    """Why a process failed: its first line that is no warning."""
    if code < 0:
        return f"its process was ended by {_signal_name(-code)}."
    errors = [line for line in lines if not line.startswith(WARNING)]
    return errors[0] if errors else f"its process ended with exit code {code}."


def _signal_name(number: int) -> str:
    """As ``SIGKILL``; the real-time ones have none."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def send(process: subprocess.Popen[bytes], name: str) -> None:
    """Send a signal to a process and those that it has started, where the system has it."""
    if process.poll() is None:
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, getattr(signal, name))
            elif name == "SIGKILL":
                process.kill()


def close_input(process: subprocess.Popen[bytes]) -> None:
    """Let a process know that it is to save and end."""
    if process.stdin is not None:
        process.stdin.close()
