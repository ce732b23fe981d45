"""Names of files as they come: other bytes than UTF-8, line breaks, commas, the home folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zoo.cli.console import shell_command

LATIN_1 = os.fsdecode(b"caf\xe9")
ODD = "a\n\x1b[31mb"
SHOWN = {LATIN_1: "caf\\udce9", ODD: "a\\u000a\\u001b[31mb", "Rome, 2024": "Rome, 2024"}


@pytest.fixture(params=SHOWN, ids=["latin-1", "line-break", "comma"])
def named(request: pytest.FixtureRequest, base: Path, tmp_path: Path) -> str:
    """A name that a folder of photographs and all files in it have."""
    name: str = request.param
    (tmp_path / name).mkdir()
    for photo in (base / "photos").iterdir():
        shutil.copy(photo, tmp_path / name / f"{photo.stem}{name}.png")
    shutil.copy(base / "tiny.toml", tmp_path)
    return name


def test_a_name_goes_through_all_commands(
    named: str, cli: Callable[..., Any], tmp_path: Path
) -> None:
    out, shown = f"out{named}", SHOWN[named]
    data = ["--data", named]
    if "," in named:
        data = ["--set", f"data.source={{type='folder', path='{named}'}}"]
    result = cli("run", "tiny.toml", *data, "--out", out, "--epochs", "1")
    assert (result.code, result.err) == (0, "")
    assert f"run: out{shown}\n" in result.out
    assert json.loads((tmp_path / out / "evaluation.json").read_bytes())["per_image"]
    file = Path(out) / "architecture.toml"
    result = cli("run", file, "--out", out, "--resume", "--set", "train.epochs=2")
    assert (result.code, result.err) == (0, "")
    result = cli("evaluate", out, "--data", "folder-that-is-not-there")
    assert "\n" not in result.err.removesuffix("\n")
    result = cli("evaluate", out, "--csv", f"{named}.csv", "--methods", "none")
    assert (result.code, result.err) == (0, "")
    result = cli("denoise", out, named, "-o", f"new{named}", "--json")
    assert result.code == 0
    outputs = {record["output"] for record in json.loads(result.out)}
    assert outputs == {
        str(path.relative_to(tmp_path)) for path in (tmp_path / f"new{named}").iterdir()
    }
    result = cli("evaluate", f"none{named}")
    assert result.err.startswith(
        f"none{shown}: no run, checkpoint or installed model of that name."
    )


def test_the_home_folder_in_options(
    cli: Callable[..., Any], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    shutil.copytree(base, tmp_path / "home")
    text = (base / "tiny.toml").read_text().replace('"photos"', '"~/photos"')
    (tmp_path / "tiny.toml").write_text(text)
    result = cli("run", "tiny.toml", "--out=~/run", "--epochs", "1")
    assert (result.code, result.err) == (0, "")
    assert (tmp_path / "home" / "run" / "evaluation.json").exists()
    assert cli("evaluate", "~/run", "--data", "~/photos", "--csv=~/a.csv").code == 0
    assert cli("denoise", "~/run", "~/photos/0.png", "-o~/new/", "--compare=~/c.png").code == 0
    assert cli("check", "~/tiny.toml").code == 0
    assert not (tmp_path / "~").exists()
    assert (tmp_path / "home" / "new" / "0.png").exists()
    assert (tmp_path / "home" / "c.png").exists()


def test_commands_that_are_printed_can_be_pasted(tmp_path: Path) -> None:
    words = ["a b", LATIN_1, ODD, "it's", "back\\slash\n'", "\u202etxt", "caf\xe9"]
    command = shell_command("printf", "%s\\0", *words)
    assert command.isprintable()
    result = subprocess.run(["bash", "-c", command], capture_output=True, check=True)
    assert result.stdout.split(b"\0")[:-1] == [os.fsencode(word) for word in words]
