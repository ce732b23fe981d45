"""What a plugin leaves behind neither delays the end of a command nor changes what it has said."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.plugins.test_discovery import Site, layers

THREAD = """
import threading, time
threading.Thread(target=time.sleep, args=(60,), name="mine").start()
"""
AT_EXIT = "import atexit, sys\natexit.register(lambda: print('at the end'))\n"
SLOW_EXIT = "import atexit, time\natexit.register(time.sleep, 60)\n"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    folder = tmp_path / "site"
    folder.mkdir()
    return Site(folder)


def start(site: Site, code: str, *words: str) -> subprocess.Popen[str]:
    """``zoo`` with a plugin of that code."""
    site.install("zoo-t-left", code + layers("yield entry('mine')"))
    path = f"{site.folder}:{os.environ.get('PYTHONPATH', '')}"
    return subprocess.Popen(
        [sys.executable, "-m", "zoo", *words],
        cwd=site.folder,
        env={**os.environ, "PYTHONPATH": path, "ZOO_PLUGINS": "zoo-t-left"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("code", "what"),
    [(THREAD, "the thread mine"), (SLOW_EXIT, "an exit handler")],
    ids=["thread", "handler"],
)
def test_what_never_ends(code: str, what: str, site: Site) -> None:
    """The exit code is the command's."""
    started = time.monotonic()
    running = start(site, code, "layers", "none")
    out, err = running.communicate(timeout=50)
    assert time.monotonic() - started > 5  # what ends by itself in this time does
    assert (running.returncode, out) == (2, "")
    first, last = err.splitlines()
    assert first.startswith("zoo layers: there is no layer 'none'.")
    assert last == f"warning: {what} of a plugin or library still runs: zoo ends without it"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_when_all_is_written(number: signal.Signals, site: Site) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("the signal is ignored here, as in what a shell starts in the background")
    running = start(site, THREAD, "check", "none.toml")
    assert running.stderr is not None
    assert "none.toml" in running.stderr.readline()
    time.sleep(0.2)
    running.send_signal(number)
    assert running.communicate(timeout=50) == ("", "")
    assert running.returncode == -number


def test_an_exit_handler_that_prints(site: Site) -> None:
    running = start(site, AT_EXIT, "layers", "--json")
    out, err = running.communicate(timeout=50)
    assert "mine" in [item["name"] for item in json.loads(out)]
    assert (running.returncode, err) == (0, "at the end\n")


def test_python_ends_as_ever(site: Site) -> None:
    """So that profilers and the like write what they have seen."""
    command = [sys.executable, "-m", "cProfile", "-o", "profile", "-m", "zoo", "--version"]
    subprocess.run(command, cwd=site.folder, check=True, capture_output=True)
    assert (site.folder / "profile").stat().st_size > 0
