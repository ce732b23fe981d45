"""Python in a process of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from zoo.plugins.python_subprocess import run_python


def test_it_finds_what_this_process_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.py").write_text("NAME = 'mine'\n")
    (tmp_path / "here.py").write_text("raise SystemExit('of the working folder')\n")
    monkeypatch.syspath_prepend(str(tmp_path / "there"))
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.chdir(tmp_path)
    code = "import sys, os, mine\nprint(mine.NAME, sys.argv[1:], os.environ['MINE'])"
    result = run_python(code, "a", "b", MINE="set")
    assert (result.stdout, result.stderr, result.returncode) == ("mine ['a', 'b'] set\n", "", 0)
    result = run_python("import here")
    assert "ModuleNotFoundError: No module named 'here'" in result.stderr
