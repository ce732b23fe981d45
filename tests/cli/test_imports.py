"""What must be quick does not import torch, nor the libraries that take as long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SLOW = {"torch", "skimage", "scipy", "matplotlib"}


def imported_by(*code: str) -> set[str]:
    """The modules of SLOW that a fresh Python has imported in the end."""
    lines = [*code, f"print(*sorted({SLOW} & set(sys.modules)), file=sys.stderr)"]
    result = subprocess.run(
        [sys.executable, "-c", "\n".join(["import sys", *lines])],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(result.stderr.split())


def test_zoo() -> None:
    assert imported_by("import zoo") == set()
    assert imported_by("import zoo", "zoo.load_model", "import zoo.train") >= {"torch"}


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["run", "--help"],
        ["evaluate", "--help"],
        ["data", "--help"],
        ["data", "check", "--help"],
        ["report", "--help"],
        ["--version"],
        ["nope"],
    ],
)
def test_help(arguments: list[str]) -> None:
    run = ["from zoo.cli import main", f"sys.argv = ['zoo', *{arguments}]"]
    catch = ["sys.stderr = open('/dev/null', 'w')", "try: main()", "except SystemExit: pass"]
    assert imported_by(*run, *catch, "sys.stderr = sys.__stderr__") == set()


@pytest.mark.parametrize("arguments", [["run", "none.toml"], ["export", "x", "-o", "a.h5"]])
def test_a_wrong_file_is_known_before_torch_is_imported(arguments: list[str]) -> None:
    run = ["from zoo.cli import main", f"sys.argv = ['zoo', *{arguments}]"]
    catch = ["sys.stderr = open('/dev/null', 'w')", "try: main()", "except SystemExit: pass"]
    assert imported_by(*run, *catch, "sys.stderr = sys.__stderr__") == set()


def test_a_report_needs_no_torch(tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text('{"epoch": 1, "step": 2, "train_loss": 0.5}\n')
    run = ["from zoo.cli import main", f"sys.argv = ['zoo', 'report', {str(tmp_path)!r}]"]
    catch = ["try: main()", "except SystemExit: pass"]
    assert imported_by(*run, *catch) == set()
    assert (tmp_path / "report.html").is_file()
