"""What compares with torch.nn, and trains by it, is loaded only by the commands that do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import zoo.cli

ASKED_FOR = ("bench", "bench_table", "compare", "compare_table", "comparing", "plugin_check")
NAMES = sorted(path.stem for path in Path(zoo.cli.__file__).parent.glob("*.py"))

IMPORT_ALL = """
import sys
from importlib import import_module

for name in sys.argv[1:]:
    import_module(f"zoo.cli.{name}")
    parts = {tuple(it.split(".")[:2]) for it in sys.modules}
    for part in ("testing", "torch_backend", "bench"):
        if ("zoo", part) in parts:
            sys.exit(f"zoo.cli.{name} imports zoo.{part}")
"""


def test_other_commands_load_no_torch_references() -> None:
    assert set(ASKED_FOR) < set(NAMES)
    names = [name for name in NAMES if name not in (*ASKED_FOR, "__init__")]
    result = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *names], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_a_run_loads_none_either(base: Path, tmp_path: Path) -> None:
    run = (
        "import atexit, os, sys\n"
        "kinds = ('zoo.testing', 'zoo.torch_backend', 'zoo.bench')\n"
        "atexit.register(lambda: os.write(2, repr([it for it in sys.modules\n"
        "    if it.startswith(kinds) or 'torch_references' in it]).encode()))\n"
        "from zoo.cli import console_main\n"
        "console_main()\n"
    )
    command = [sys.executable, "-c", run, "run", base / "tiny.toml", "--out", tmp_path / "run"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stderr.splitlines()[-1] == "[]"  # behind a warning of so short a run
