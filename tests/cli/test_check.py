"""``zoo check``: what it prints for good and for bad files, and when it exits with what."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests import containers
from tests.architecture.generate import architectures
from tests.draws import draws
from zoo.cli.check import check
from zoo.plugins.registry import Registry

GOLDEN = Path(__file__).parent / "golden"
WRONG = """\
wrong.toml:5:1: layers[0].kernel_size: is missing. Use an integer >= 1 or a list of 2 integers >= 1.
wrong.toml:8:1: layers[0].kernelsize: is not a known key. Known keys: bias, bias_init, dilation, \
groups, in_channels, init, kernel_size, out_channels, padding, stride. Did you mean kernel_size?
wrong.toml:11:10: train.epochs: is "ten". Use an integer >= 1.
"""
BROKEN = "broken.toml:3:37: A comma is missing in front of width = 16 }. Items need one between.\n"


@pytest.fixture
def zoo(cli: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``cli`` in a folder with the files of ``golden``, the containers installed."""
    shutil.copytree(GOLDEN, tmp_path, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(str(containers.FOLDER))
    monkeypatch.setenv("ZOO_PLUGINS", containers.NAME)
    return cli


def test_good_files(zoo: Any) -> None:
    result = zoo("check", "base.toml", "nested.toml", "base.toml")
    assert result.out == (
        "base.toml: 1 layer, 84 parameters\nnested.toml: 7 layers, 7,475 parameters\n"
    )
    assert (result.code, result.err) == (0, "")


def test_good_and_bad_files(zoo: Any) -> None:
    result = zoo("check", "wrong.toml", "base.toml", "broken.toml")
    assert result.out == "base.toml: 1 layer, 84 parameters\n"
    assert (result.code, result.err) == (2, WRONG + BROKEN)


def test_json(zoo: Any) -> None:
    names = ["base.toml", "nested.toml", "wrong.toml", "broken.toml", "wide.toml"]
    result = zoo("check", *names, "--json")
    assert json.loads(result.out) == json.loads((GOLDEN / "check.json").read_text("utf-8"))
    assert (result.code, result.err) == (2, "")


def test_json_of_a_good_file(zoo: Any) -> None:
    result = zoo("check", "base.toml", "--json")
    assert json.loads(result.out) == [{"file": "base.toml", "valid": True, "problems": []}]
    assert (result.code, result.err) == (0, "")


def test_json_of_a_missing_file(zoo: Any) -> None:
    result = zoo("check", "none.toml", "--json")
    problem: dict[str, Any] = {
        "file": "none.toml",
        "line": None,
        "column": None,
        "path": [],
        "message": "cannot be read: No such file or directory.",
    }
    assert json.loads(result.out) == [{"file": "none.toml", "valid": False, "problems": [problem]}]
    assert result.code == 2


VALUES = (
    "Write a number, true, false, one word, a list such as [0, 4095], a table, or text in quotes."
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("check", "zoo check: Missing argument 'ARCH.toml...'. See zoo check --help."),
        ("check none.toml", "none.toml: cannot be read: No such file or directory."),
        (
            "check . none.toml",
            ".: cannot be read: Is a directory.\nnone.toml: cannot be read: "
            "No such file or directory.",
        ),
        (
            "check base.toml --set x",
            "--set:1:1: \"x\" has no '='. Write KEY=VALUE, such as train.epochs=3.",
        ),
        (
            "check base.toml --set train.epochs=0",
            "--set:1:1: train.epochs: is 0. Use an integer >= 1.",
        ),
        (
            "check base.toml --set train.epochs=ten",
            '--set:1:1: train.epochs: is "ten". Use an integer >= 1.',
        ),
        (
            "check base.toml --set train.seed=3 --set layers.1.stride=2",
            '--set:2:1: layers.1.stride: layers has no item "1". Use 0 to 0.',
        ),
        (
            "check base.toml --set train.seed=-3 --set optimizer.beta=2",
            "--set:1:1: train.seed: is -3. Use an integer >= 0.\n--set:2:1: optimizer.beta: is "
            "not a known key. Known keys: dampening, lr, maximize, momentum, nesterov, "
            "weight_decay.",
        ),
    ],
)
def test_mistakes(line: str, message: str, zoo: Any) -> None:
    result = zoo(*line.split())
    assert (result.code, result.out, result.err) == (2, "", f"{message}\n")


def test_a_set_that_mends_a_file(zoo: Any) -> None:
    result = zoo("check", "wrong.toml", "--set", "train.epochs=3")
    assert (result.code, result.err) == (2, "".join(WRONG.splitlines(keepends=True)[:2]))


def test_a_file_whose_name_is_not_unicode(zoo: Any, tmp_path: Path) -> None:
    name = os.fsdecode(b"b\xe4se.toml")
    shutil.copy(tmp_path / "base.toml", tmp_path / name)
    result = zoo("check", name)
    assert result.out == "b\\udce4se.toml: 1 layer, 84 parameters\n"
    assert (result.code, result.err) == (0, "")


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZOO_")}
    return {**kept, "PYTHONPATH": str(containers.FOLDER), "ZOO_PLUGINS": containers.NAME}


def test_on_a_terminal_each_line_is_shown_with_a_caret() -> None:
    """Tabs and characters two cells wide in front of the column; lines too long for a terminal."""
    primary, secondary = pty.openpty()
    names = ["wrong.toml", "broken.toml", "wide.toml", "missing.toml"]
    with os.fdopen(primary, "rb", buffering=0) as terminal:
        result = subprocess.run(
            [sys.executable, "-m", "zoo", "check", *names],
            cwd=GOLDEN,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=secondary,
            check=False,
        )
        os.close(secondary)
        shown = b"".join(_read(terminal)).replace(b"\r\n", b"\n")
    assert shown.decode() == (GOLDEN / "check.terminal.txt").read_text("utf-8")
    assert (result.returncode, result.stdout) == (2, b"")


def _read(terminal: Any) -> Iterator[bytes]:
    while True:
        try:
            data = terminal.read(65536)
        except OSError:  # Linux says so when the other side is closed
            return
        if not data:
            return
        yield data


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "base.toml", "nested.toml"],
        ["check", "nested.toml", "--json"],
        ["show", "nested.toml"],
        ["show", "nested.toml", "--json"],
        ["show", "nested.toml", "--resolved"],
    ],
    ids=" ".join,
)
def test_neither_check_nor_show_imports_torch(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom zoo.cli import main\n"
        f"sys.argv = ['zoo', *{arguments}]\n"
        "try: main()\nexcept SystemExit as stop: assert stop.code == 0\n"
        "assert 'zoo_containers.rules' in sys.modules\n"
        "slow = {'torch', 'skimage', 'zoo.nn', 'zoo_containers.layers'}\n"
        "assert not slow & set(sys.modules), slow & set(sys.modules)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=GOLDEN,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with containers.installed() as registry, pytest.MonkeyPatch.context() as patch:
        patch.setattr("zoo.cli.check.load_registry", lambda: registry)
        yield registry


@st.composite
def contents(draw: st.DrawFn, registry: Registry) -> bytes:
    """Any bytes, or those of a valid architecture with some of them exchanged for others."""
    if draw(st.integers(0, 3)) == 0:
        return draw(st.binary(max_size=100))
    content = draw(architectures(registry)).texts()["net.toml"].encode()
    start, length = draw(st.integers(0, len(content))), draw(st.integers(0, 40))
    return content[:start] + draw(st.binary(max_size=8)) + content[start + length :]


@draws(200)
@given(data=st.data())
def test_any_file_is_right_or_refused(
    data: st.DataObject, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.toml"
    path.write_bytes(data.draw(contents(registry)))
    result = CliRunner().invoke(check, [str(path)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    if result.exit_code == 0:
        assert (result.stdout.count("\n"), result.stderr) == (1, "")
    else:
        assert (result.exit_code, result.stdout) == (2, "")
        for line in result.stderr.splitlines():
            assert line.startswith(str(path.parent))
            assert line.endswith((".", "?"))
