"""Coverage-guided fuzzing of ``zoo check``: any bytes exit with 0 or 2. Not part of the suite.

It needs atheris, in an environment that zoo is installed in, and files to start from::

    mkdir corpus && cp tests/invalid/*.toml architectures/*.toml corpus
    ZOO_PLUGINS= python tests/fuzz/architecture.py corpus -max_total_time=600 -max_len=4096

A crash is an input that ended otherwise; libFuzzer writes it to a file and stops.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["zoo", "tomli"]):
    from click.testing import CliRunner

    from zoo.cli import check as command
    from zoo.plugins.discovery import discover
    from zoo.plugins.registry import load_registry

REGISTRY = load_registry(discover({"ZOO_PLUGINS": ""}))


def check_any(content: bytes) -> None:
    """Write the bytes to a file and check it."""
    FILE.write_bytes(content)
    result = CliRunner().invoke(command.check, [str(FILE)])
    if result.exit_code not in (0, 2) or (result.exit_code == 0) != (result.stderr == ""):
        raise AssertionError(f"exit code {result.exit_code}: {result.exception!r}")
    for line in result.stderr.splitlines():
        if not line.startswith(str(FILE)) or not line.isprintable():
            raise AssertionError(f"not a line of a problem: {line!r}")


if __name__ == "__main__":
    command.load_registry = lambda: REGISTRY  # type: ignore[assignment]  # it never changes
    with tempfile.TemporaryDirectory() as folder:
        FILE = Path(folder) / "net.toml"
        atheris.Setup(sys.argv, check_any)
        atheris.Fuzz()
