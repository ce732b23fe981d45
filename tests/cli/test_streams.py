"""Standard streams that close, fill or are gone: they decide about nothing but what is printed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import pytest
from PIL import Image, ImageOps

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")

NO_SPACE = "<stdout>: cannot be written: No space left on device."


@pytest.fixture
def zoo(plugins: Path, tmp_path: Path) -> Callable[..., tuple[int, str]]:
    """``zoo("run", ..., out=...)``: the exit code and what was said on the standard error.

    ``out`` is a path to write to, or "closed": a pipe that nobody reads; ``err`` too.
    """

    def run(*words: str | Path, out: str, err: str = "", **variables: str) -> tuple[int, str]:
        own = {
            "PYTHONPATH": os.pathsep.join([str(plugins), os.environ.get("PYTHONPATH", "")]),
            "ZOO_PLUGINS": "zoo-probe",
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }
        reader, closed = os.pipe()
        os.close(reader)
        said = tmp_path / "said"
        with (
            os.fdopen(closed, "w") as pipe,
            Path("/dev/null" if out == "closed" else out).open("w") as file,
            said.open("w") as kept,
        ):
            result = subprocess.run(
                [sys.executable, "-m", "zoo", *map(str, words)],
                cwd=tmp_path,
                env={**os.environ, **own, **variables},
                stdout=pipe if out == "closed" else file,
                stderr=pipe if err == "closed" else kept,
                check=False,
                timeout=120,
            )
        return result.returncode, said.read_text()

    return run


def test_training_goes_on_where_nobody_sees_it(zoo: Any, base: Path, tmp_path: Path) -> None:
    code, _ = zoo("run", base / "tiny.toml", "--out", "run", out="closed", err="closed")
    assert code == 0
    epochs = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert len(epochs) == 2
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["n_images"] == 1


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """``full("/dev/full")``: the standard output of ``cli`` leads there; "closed" to no reader."""
    opened: list[TextIO] = []

    def replace(path: str) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        stream = os.fdopen(writer, "w") if path == "closed" else Path(path).open("w")  # noqa: SIM115
        opened.append(stream)
        monkeypatch.setattr(sys, "stdout", stream)

    yield replace
    for stream in opened:
        with suppress(OSError):  # what is left in its buffer
            stream.close()


def test_training_goes_on_on_a_full_disk_below_the_output(
    cli: Any, full: Any, base: Path, tmp_path: Path
) -> None:
    full("/dev/full")
    result = cli("run", base / "tiny.toml", "--out", "run")
    assert (result.code, result.err) == (0, f"warning: {NO_SPACE} All else is done.\n")
    assert (tmp_path / "run" / "evaluation.json").exists()


def test_a_signal_that_ends_the_readers_too(zoo: Any, base: Path, tmp_path: Path) -> None:
    """As of Ctrl-C in ``zoo run ... 2>&1 | tee log``."""
    stop = {"PROBE_STEP": "2", "PROBE_SIGNAL": str(int(signal.SIGINT))}
    code, _ = zoo("run", base / "probed.toml", "--out", "run", out="closed", err="closed", **stop)
    assert code == 128 + signal.SIGINT
    assert (tmp_path / "run" / "last.pkl").exists()


def test_pictures_are_written_where_nobody_sees_it(
    cli: Any, full: Any, base: Path, finished: Any, tmp_path: Path
) -> None:
    full("closed")
    result = cli("denoise", finished.path, base / "photos", "-o", "out")
    assert result.code == 0
    assert "cannot be written" not in result.err
    assert len(list((tmp_path / "out").iterdir())) == 5


@pytest.mark.parametrize(("out", "code"), [("/dev/full", 4), ("closed", 128 + signal.SIGPIPE)])
def test_a_picture_that_is_the_output(
    out: str, code: int, cli: Any, full: Any, base: Path, finished: Any
) -> None:
    full(out)
    result = cli("denoise", finished.path, base / "photos" / "0.png", "-o", "-")
    assert result.code == code
    assert result.err == (f"{NO_SPACE}\n" if out == "/dev/full" else "")


def test_figures_are_written_where_nobody_sees_them(
    cli: Any, full: Any, finished: Any, base: Path, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    for path in (base / "photos").iterdir():  # none of which the run was trained on
        with Image.open(path) as image:
            ImageOps.invert(image).save(tmp_path / "photos" / path.name)
    words = ["evaluate", finished.path, "--data", "photos", "--methods", "none"]
    full("closed")
    result = cli(*words, "--csv", "a.csv")
    assert (result.code, result.err) == (0, "")
    assert len((tmp_path / "a.csv").read_text().splitlines()) > 5
    full("/dev/full")
    result = cli(*words, "--json")
    assert (result.code, result.err) == (1, f"{NO_SPACE}\n")
    result = cli("plugin", "check", "zoo-probe")
    assert (result.code, result.err) == (3, f"warning: {NO_SPACE} All else is done.\n")


@pytest.mark.parametrize("words", [["layers"], ["schedules", "--json"]])
def test_output_that_is_all_there_is(words: list[str], zoo: Any) -> None:
    assert zoo(*words, out="/dev/full", ZOO_PLUGINS="") == (1, f"{NO_SPACE}\n")
    assert zoo(*words, out="closed", ZOO_PLUGINS="") == (128 + signal.SIGPIPE, "")


def test_the_error_of_a_command_counts_more_than_its_lost_output(zoo: Any, base: Path) -> None:
    code, said = zoo("check", base / "tiny.toml", base / "none.toml", out="closed", ZOO_PLUGINS="")
    assert code == 2
    assert said.endswith("none.toml: cannot be read: No such file or directory.\n")


def test_json_is_utf_8_whatever_the_encoding_of_the_output(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "zoo", "check", "caf\xe9.toml", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "ZOO_PLUGINS": ""},
        capture_output=True,
        check=False,
    )
    assert json.loads(result.stdout.decode())[0]["file"] == "caf\xe9.toml"


def test_streams_that_are_closed_from_the_start(base: Path, tmp_path: Path) -> None:
    """What a command opens must not become its standard output."""
    command = f"{sys.executable} -m zoo new made.toml >&- 2>&- <&-"
    assert subprocess.run(command, shell=True, cwd=tmp_path, check=False).returncode == 0
    assert (tmp_path / "made.toml").read_text().startswith("#:schema")


LOUD = """
import os
import sys

import zoo
from zoo.nn import ReLU

def shout(where):
    print("python", where)
    os.write(1, f"descriptor {where}\\n".encode())

shout("import")


def rule(where, parameters, shape):
    shout("rule")
    return zoo.LayerInfo(tuple(shape))


@zoo.hookimpl
def zoo_layers():
    shout("hook")
    schema = {"type": "object", "additionalProperties": False, "properties": {}}
    yield zoo.LayerEntry(
        name="loud", factory="zoo_loud:Loud", schema=schema, summary="x", shape_rule="zoo_loud:rule"
    )


class Loud(ReLU):
    def __init__(self):
        super().__init__()
        shout("constructor")

    def forward(self, x):
        shout("forward")
        return super().forward(x)
"""


@pytest.fixture
def loud(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[bytes]]:
    """zoo where a plugin is installed that prints wherever it can."""
    site = tmp_path / "site"
    info = site / "zoo_loud-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "zoo_loud.py").write_text(LOUD)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo-loud\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[zoo]\nloud = zoo_loud\n")

    def run(*words: str | Path) -> subprocess.CompletedProcess[bytes]:
        own = {
            "PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]),
            "ZOO_PLUGINS": "zoo-loud",
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }
        return subprocess.run(
            [sys.executable, "-m", "zoo", *map(str, words)],
            cwd=tmp_path,
            env={**os.environ, **own},
            capture_output=True,
            check=False,
            timeout=120,
        )

    return run


def test_a_plugin_that_prints_is_no_part_of_the_output(
    loud: Any, base: Path, tmp_path: Path
) -> None:
    text = (base / "probed.toml").read_text().replace('"probe"', '"loud"')
    (tmp_path / "loud.toml").write_text(text)
    shown = loud("show", "loud.toml", "--json")
    assert [layer["type"] for layer in json.loads(shown.stdout)["layers"]][-1] == "loud"
    for where in ("import", "hook", "rule"):
        assert f"python {where}\n".encode() in shown.stderr
        assert f"descriptor {where}\n".encode() in shown.stderr
    assert loud("run", "loud.toml", "--data", base / "photos", "--out", "run").returncode == 0
    evaluated = loud("evaluate", "run", "--methods", "none", "--json")
    assert json.loads(evaluated.stdout)["n_images"] == 1
    assert b"python constructor\n" in evaluated.stderr
    assert b"descriptor forward\n" in evaluated.stderr
