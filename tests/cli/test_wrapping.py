"""Lines on a terminal are broken at words, and only there."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from zoo.cli.wrapping import wrapped


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


LINE = "warning: the images look clean, and are taken for noisy ones. Name them so: "
TABLE = '--data \'{ type = "pkl", path = "p.pkl", second_is_clean = true }\''


def test_lines_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert wrapped(LINE, io.StringIO()) == LINE
    assert wrapped(LINE, None) == LINE
    assert wrapped("x" * 40, Terminal()) == "x" * 40
    assert wrapped(f"  {LINE}", Terminal()).splitlines() == [
        "  warning: the images look clean, and",
        "  are taken for noisy ones. Name them",
        "  so:",
    ]
    assert wrapped(f"epoch 1/2  loss 0.1  {'y' * 50}  best", Terminal()).splitlines() == [
        "epoch 1/2  loss 0.1",
        "y" * 50,
        "best",
    ]


def test_what_is_to_be_pasted_stays_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert wrapped(LINE + TABLE, Terminal()).splitlines()[-1] == TABLE.removeprefix("--data ")
    command = "zoo run runs/x/architecture.toml --out runs/x --resume"
    lines = wrapped(f"stopped by a signal after step 3. Go on with: {command}", Terminal())
    assert lines.splitlines()[-1].strip() == command


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal")
@pytest.mark.parametrize(
    "arguments",
    [
        ("pairings", "neighbors"),
        ("sources",),
        ("run", "none.toml", "--data", "a,b,c"),
    ],
)
def test_a_terminal_of_80_columns(arguments: tuple[str, ...], tmp_path: Path) -> None:
    import fcntl
    import pty
    import struct
    import subprocess
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    command = [sys.executable, "-m", "zoo", *arguments]
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with subprocess.Popen(command, env=environment | {"TERM": "dumb"}, cwd=tmp_path, **streams):
        os.close(theirs)
        text = b""
        try:
            while part := os.read(ours, 65536):
                text += part
        except OSError:  # the other end is closed
            pass
    os.close(ours)
    lines = text.decode().splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80
