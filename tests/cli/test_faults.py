"""A run that is killed, or whose disk fails, at any operation on a file loses nothing."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.trials import LINUX, WHOLE
from tests.tiny import NO_BETTER

KINDS = ("kill", "killed", "ENOSPC", "EIO", "EACCES")
SIGNALS = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1")
SIGKILL = -9


def trials(base: Path, folder: Path, wanted: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What became of runs with a fault each, in copies of the data in ``base``."""
    for path in (base / "tiny.toml", *(base / "photos").iterdir()):
        copy = folder / path.relative_to(base)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())
    (folder / "trials.json").write_text(json.dumps(wanted))
    words = [sys.executable, "-m", "tests.cli.trials", str(folder), str(folder / "trials.json")]
    result = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


EXTRAS = re.compile(r"(Training goes on|The run is finished) without (pictures|the layers)")


def assert_nothing_is_lost(found: list[dict[str, Any]]) -> None:
    """Each run ended as it should, and the same command goes on to the same end bit for bit."""
    assert found
    for trial in found:
        ended, resumed = trial["ended"], trial["resumed"]
        lines = ended["err"].splitlines()
        said = [it for it in lines if not it.startswith(NO_BETTER) and not EXTRAS.search(it)]
        if trial["kind"] in ("kill", "killed"):
            assert ended["code"] == SIGKILL, trial
        elif trial["kind"] in SIGNALS:
            # It may come when all is done.
            assert ended["code"] in (128 + signal.Signals[trial["kind"]], 0), trial
            assert not said or "Go on with: zoo run" in said[-1], trial
        else:
            assert ended["code"] in (0, 1, 2), trial  # 2: the folder cannot be made
            assert len(said) == (ended["code"] != 0), trial
            assert "unexpected" not in ended["err"], trial
        assert (resumed["code"], trial["same"], trial["left"]) == (0, True, []), trial


@pytest.mark.skipif(not LINUX, reason="names of open files are read from /proc")
def test_faults_at_some_operations(base: Path, tmp_path: Path) -> None:
    parts = [0.02, 0.2, 0.45, 0.55, 0.7, 0.95]
    wanted = [
        {"at": part, "kind": kind} for part, kind in zip(parts, (*KINDS, "kill"), strict=True)
    ]
    wanted += [{"at": part, "kind": "ENOSPC", "stays": True} for part in (0.1, 0.6)]
    parts = [0.01, 0.3, 0.6, 0.9]
    wanted += [{"at": part, "kind": kind} for part, kind in zip(parts, SIGNALS, strict=True)]
    assert_nothing_is_lost(trials(base, tmp_path, wanted))


@pytest.mark.soak
@pytest.mark.skipif(not LINUX, reason="names of open files are read from /proc")
@pytest.mark.parametrize("kind", [*KINDS, *SIGNALS, "a full disk"])
def test_faults_at_every_operation(kind: str, base: Path, tmp_path: Path) -> None:
    fault = {"kind": "ENOSPC", "stays": True} if kind == "a full disk" else {"kind": kind}
    found = trials(base, tmp_path, [{"at": WHOLE, **fault}])
    assert len(found) > 100
    assert_nothing_is_lost(found)
