"""Each ``tests/invalid/NAME.toml`` is refused with the lines of ``NAME.errors.txt``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from zoo.architecture import read_architecture
from zoo.errors import ArchitectureError
from zoo.registry import Registry

INVALID = Path(__file__).parents[1] / "invalid"
NAMES = sorted(path.stem for path in INVALID.glob("*.toml"))


def test_every_file_has_its_errors() -> None:
    assert NAMES
    assert [f"{name}.errors.txt" for name in NAMES] == sorted(
        path.name for path in INVALID.glob("*.txt")
    )


@pytest.mark.parametrize("name", NAMES)
def test_errors_of_the_file(name: str, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(INVALID)
    expected = Path(f"{name}.errors.txt").read_text("utf-8")
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(f"{name}.toml", registry)
    assert f"{caught.value}\n" == expected
    assert len(caught.value.problems) == len(expected.splitlines())


@pytest.mark.parametrize("name", ["syntax", "unknown_keys_everywhere"])
def test_run_prints_the_errors_and_exits_with_2(name: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "zoo", "run", f"{name}.toml", "--out", str(tmp_path / "run")],
        cwd=INVALID,
        env={**os.environ, "ZOO_PLUGINS": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == (INVALID / f"{name}.errors.txt").read_text("utf-8")
    assert result.stdout == ""
    assert result.returncode == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'name = "caf\xe9"\n', "is not text in UTF-8. TOML files are."),
        (b"\xff\xfef\x00o\x00r\x00m\x00", "is not text in UTF-8. TOML files are."),
        (b"\x00\x01\x02", None),
    ],
    ids=["latin-1", "utf-16", "binary"],
)
def test_a_file_that_is_not_text(
    content: bytes, message: str | None, tmp_path: Path, registry: Registry
) -> None:
    path = tmp_path / "net.toml"
    path.write_bytes(content)
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(path, registry)
    assert str(caught.value) == (
        f"{path}: {message}" if message else f"{path}:1:1: Invalid statement."
    )


def test_a_missing_file(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "net.toml"
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(path, registry)
    assert str(caught.value) == f"{path}: cannot be read: No such file or directory."


def test_a_folder(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(tmp_path, registry)
    assert str(caught.value) == f"{tmp_path}: cannot be read: Is a directory."
