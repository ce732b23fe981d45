"""Python in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys


def run_python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new process that finds modules where this one does.

    The working folder is no place to find them, which it is for ``python -c``.

    Args:
        code: the program; its output is captured.
        arguments: its ``sys.argv[1:]``.
        environment: variables to set besides those of this process.
    """
    start = f"import sys\nsys.path[:] = {sys.path!r}\n"
    return subprocess.run(
        [sys.executable, "-c", start + code, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
