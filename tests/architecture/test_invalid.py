"""Each ``tests/invalid/NAME.toml`` is refused with the lines of ``NAME.errors.txt``.

``{LAYERS}`` in these stands for the names of all layers. Those in ``tests/invalid/containers`` use
the layers of the plugin in ``tests/plugin``. The files in
``tests/invalid/bases`` are extended by others.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import containers
from zoo.architecture import read_architecture
from zoo.errors import ArchitectureError
from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registry, load_registry

INVALID = Path(__file__).parents[1] / "invalid"
PLAIN = sorted(path.name for path in INVALID.glob("*.toml"))
WITH_CONTAINERS = sorted(f"containers/{path.name}" for path in INVALID.glob("containers/*.toml"))

WITHOUT_A_PLACE = {"key_too_long.toml", "nested_too_deeply.toml"}  # tomli gives up on them
PLACED = re.compile(r"(?P<file>[\w/.]+\.toml):(?P<line>[1-9]\d*):(?P<column>[1-9]\d*): ")
JARGON = re.compile(
    r"anyOf|allOf|oneOf|schema|x-zoo|instance|additionalProperties|Traceback|NoneType|Error\b|dict"
    r"|Node\b|SourceLocation\b|\bNone\b|True\b(?! is not)|False\b|object at|urn:|\$ref"
    r"|required property"
)


@pytest.fixture(scope="module")
def with_containers() -> Iterator[Registry]:
    with containers.installed() as registry:
        yield registry


BUILT_IN = load_registry(discover({"ZOO_PLUGINS": ""})).names("layer")


def expected(name: str) -> str:
    own = ("concat", "residual") if name.startswith("containers/") else ()
    layers = ", ".join(sorted({*BUILT_IN, *own}))
    text = (INVALID / name).with_suffix(".errors.txt").read_text("utf-8")
    return text.replace("{LAYERS}", layers)


def assert_refused(name: str, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(INVALID)
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(name, registry)
    assert f"{caught.value}\n" == expected(name)
    assert len(caught.value.problems) == len(expected(name).splitlines())


def test_every_file_has_its_errors() -> None:
    files = [*INVALID.glob("*.errors.txt"), *INVALID.glob("containers/*.errors.txt")]
    errors = {path.relative_to(INVALID).as_posix() for path in files}
    assert errors == {
        name.removesuffix(".toml") + ".errors.txt" for name in PLAIN + WITH_CONTAINERS
    }
    assert len(errors) > 180


@pytest.mark.parametrize("name", PLAIN)
def test_errors_of_the_file(name: str, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_refused(name, registry, monkeypatch)


@pytest.mark.parametrize("name", WITH_CONTAINERS)
def test_errors_of_a_file_with_containers(
    name: str, with_containers: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_refused(name, with_containers, monkeypatch)


@pytest.mark.parametrize(
    ("names", "environment"),
    [
        pytest.param(PLAIN, {"ZOO_PLUGINS": ""}, id="plain"),
        pytest.param(
            WITH_CONTAINERS,
            {"ZOO_PLUGINS": containers.NAME, "PYTHONPATH": str(containers.FOLDER)},
            id="containers",
        ),
    ],
)
def test_check_prints_the_same(names: list[str], environment: dict[str, str]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "zoo", "check", *names],
        cwd=INVALID,
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert result.stderr == "".join(map(expected, names))
    assert (result.returncode, result.stdout) == (2, "")


@pytest.mark.parametrize("name", ["syntax.toml", "unknown_keys_everywhere.toml"])
def test_run_prints_the_errors_and_exits_with_2(name: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "zoo", "run", name, "--out", str(tmp_path / "run")],
        cwd=INVALID,
        env={**os.environ, "ZOO_PLUGINS": ""},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert result.stderr == expected(name)
    assert (result.returncode, result.stdout) == (2, "")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", [*PLAIN, *WITH_CONTAINERS])
def test_each_line_is_placed_ordered_and_plain(name: str) -> None:
    lines = expected(name).splitlines()
    assert lines
    assert len(set(lines)) == len(lines)
    places = []
    for line in lines:
        assert not JARGON.search(line)
        assert line.endswith((".", "?"))
        if name not in WITHOUT_A_PLACE:
            match = PLACED.match(line)
            assert match, line
            assert_within_the_file(match)
            places.append((match["file"] != name, int(match["line"]), int(match["column"])))
    assert places == sorted(places)


def assert_within_the_file(match: re.Match[str]) -> None:
    """The place is a character of the file; the end of a line where something is missing there."""
    text = (INVALID / match["file"]).read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    line = text.split("\n")[int(match["line"]) - 1]
    assert int(match["column"]) <= len(line) + 1


def test_the_files_with_special_bytes_have_kept_them() -> None:
    crlf = (INVALID / "position_crlf.toml").read_bytes()
    assert crlf.count(b"\r\n") == crlf.count(b"\n") > 10
    assert (INVALID / "position_byte_order_mark.toml").read_bytes().startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'name = "caf\xe9"\n', ": is not text in UTF-8. TOML files are."),
        (b"\xff\xfef\x00o\x00r\x00m\x00", ": is not text in UTF-8. TOML files are."),
        (
            b"\x00\x01\x02",
            ":1:1: The character U+0000 stands here. Remove it, or write \\u0000 in text.",
        ),
    ],
    ids=["latin-1", "utf-16", "binary"],
)
def test_a_file_that_is_not_text(
    content: bytes, message: str, tmp_path: Path, registry: Registry
) -> None:
    path = tmp_path / "net.toml"
    path.write_bytes(content)
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(path, registry)
    assert str(caught.value) == f"{path}{message}"


def test_a_missing_file(tmp_path: Path, registry: Registry) -> None:
    path = tmp_path / "net.toml"
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(path, registry)
    assert str(caught.value) == f"{path}: cannot be read: No such file or directory."


def test_a_folder(tmp_path: Path, registry: Registry) -> None:
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(tmp_path, registry)
    assert str(caught.value) == f"{tmp_path}: cannot be read: Is a directory."
