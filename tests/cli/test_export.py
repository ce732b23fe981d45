from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import tomli
import torch
from safetensors import safe_open

from zoo.export.runtime import Session


@pytest.fixture
def state(finished: Any) -> dict[str, torch.Tensor]:
    content = torch.load(finished.path / "best.pkl", weights_only=True)
    model: dict[str, torch.Tensor] = content["model"]
    return model


def test_onnx(finished: Any, cli: Callable[..., Any], tmp_path: Path) -> None:
    result = cli("export", finished.path, "-o", "a.onnx")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert lines[0] == f"model: tiny, {finished.path / 'best.pkl'}"
    size = (tmp_path / "a.onnx").stat().st_size
    assert lines[1] == f"wrote a.onnx: {size:,} bytes"
    assert lines[2] == "ONNX, opset 18, images of any size, values in [0, 1]"
    assert re.fullmatch(
        r"onnxruntime [\d.]+ against zoo: largest difference \d\.\de-\d\d at 16x16, 17x19, 32x32",
        lines[3],
    )
    assert len(lines) == 4
    assert Session(tmp_path / "a.onnx")(torch.rand(1, 3, 7, 9)).shape == (1, 3, 7, 9)


def test_safetensors(
    finished: Any, cli: Callable[..., Any], base: Path, state: dict[str, torch.Tensor]
) -> None:
    result = cli("export", finished.path / "last.pkl", "-o", "a.safetensors")
    assert (result.code, result.err) == (0, "")
    with safe_open("a.safetensors", framework="pt") as content:
        said = content.metadata()
        names = set(content.keys())
    assert names == set(state)
    assert said["format"] == "pt"
    resolved = (finished.path / "architecture.toml").read_text("utf-8")
    assert tomli.loads(said["architecture"])["layers"] == tomli.loads(resolved)["layers"]
    assert str(base) in resolved
    assert str(base) not in said["architecture"]
    last = (finished.path / "metrics.jsonl").read_text().splitlines()[-1]
    assert json.loads(said["metrics"]) == json.loads(last)
    assert json.loads(said["trained_with"])["zoo"] == version("zoo")


def test_torch_reads_it_without_zoo(finished: Any, cli: Callable[..., Any], tmp_path: Path) -> None:
    result = cli("export", finished.path, "--to", "torch", "-o", "weights.bin")
    assert (result.code, result.err) == (0, "")
    assert [line.partition(":")[0] for line in result.out.splitlines()[1:3]] == [
        "wrote weights.bin",
        "wrote weights_model.py",
    ]
    code = (
        "import sys, torch; from weights_model import Denoiser; d = Denoiser(); "
        "d.load_state_dict(torch.load('weights.bin', weights_only=True), strict=True); "
        "print(tuple(d.eval()(torch.rand(1, 3, 5, 8)).shape), 'zoo' in sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "(1, 3, 5, 8) False\n", "")


def test_darktable(finished: Any, cli: Callable[..., Any]) -> None:
    result = cli("export", finished.path, "-o", "a.dtmodel", "--tile", "64")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[2] == "denoise-a for darktable: ONNX, opset 20, 1x3x64x64"


def test_the_model_itself_is_not_replaced(
    finished: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "a.pkl").write_bytes((finished.path / "best.pkl").read_bytes())
    (tmp_path / "b.pt").symlink_to("a.pkl")
    commands = {
        "b.pt": ("export", "a.pkl", "-o", "b.pt", "--overwrite"),
        "a.pkl": ("evaluate", "b.pt", "--csv", "a.pkl", "--overwrite"),
    }
    for name, command in commands.items():
        result = cli(*command)
        message = f"{name}: is the model itself. Use another name.\n"
        assert (result.code, result.out, result.err) == (2, "", message)
    assert (tmp_path / "a.pkl").read_bytes() == (finished.path / "best.pkl").read_bytes()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_temporary_files(tmp_path: Path, number: signal.Signals) -> None:
    program = """
import os, sys, tempfile
from importlib import import_module
main = import_module("zoo.cli.main")
def work(*arguments, **options):
    with tempfile.TemporaryDirectory(dir="."):
        os.kill(os.getpid(), int(sys.argv[1]))
main.zoo.main = work
main.main()
"""
    command = [sys.executable, "-c", program, str(int(number))]
    result = subprocess.run(command, cwd=tmp_path, check=False, timeout=120)
    assert result.returncode == 128 + number
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_unless_asked_for(
    finished: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "a.safetensors").write_text("before")
    result = cli("export", finished.path, "-o", "a.safetensors")
    assert (result.code, result.out) == (2, "")
    assert result.err == "a.safetensors: is there already. Use another name, or --overwrite.\n"
    assert (tmp_path / "a.safetensors").read_text() == "before"
    assert cli("export", finished.path, "-o", "a.safetensors", "--overwrite").code == 0
    with safe_open("a.safetensors", framework="pt") as content:
        assert content.metadata()["name"] == "tiny"


def test_a_layer_that_does_not_say_how(
    finished: Any, cli: Callable[..., Any], tmp_path: Path
) -> None:
    content = torch.load(finished.path / "best.pkl", weights_only=True)
    probe = '[[layers]]\ntype = "probe"\n\n'
    text = content["architecture"]
    start = text.index('[[layers]]\ntype = "sigmoid"')
    content["architecture"] = text[:start] + probe + text[start:]
    torch.save(content, tmp_path / "probed.pkl")
    line = text[:start].count("\n") + 1
    result = cli("export", "probed.pkl", "-o", "a.onnx")
    assert (result.code, list(tmp_path.glob("*.onnx"))) == (3, [])
    assert result.err == (
        f"probed.pkl:{line}:1: layers[3]: layer 'probe' of zoo-probe 1.0 does not say how it is "
        "written in ONNX. Use --to safetensors, or name a function as its entry's onnx.\n"
    )
    assert cli("export", "probed.pkl", "-o", "a.safetensors").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["none.pkl", "-o", "a.onnx"],
            5,
            "none.pkl: no run, checkpoint or installed model of that name. Installed models: none.",
        ),
        (
            ["none.pkl", "-o", "a.onnx", "--tile", "0"],
            2,
            "zoo export: Invalid value for '--tile': is 0. Use an integer >= 1. "
            "See zoo export --help.",
        ),
        (["none.pkl"], 2, "zoo export: Missing option '-o' / '--output'. See zoo export --help."),
    ],
)
def test_what_is_refused(
    cli: Callable[..., Any], arguments: list[str], code: int, message: str
) -> None:
    result = cli("export", *arguments)
    assert (result.code, result.out, result.err) == (code, "", f"{message}\n")
