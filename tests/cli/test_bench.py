"""``zoo bench`` as a user meets it: its table, its JSON, and its refusals."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

QUICK = ("--repeats", "1", "--no-memory")


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    """The working folder of ``cli``, with architectures."""
    shutil.copytree(base, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_the_table(cli: Callable[..., Any]) -> None:
    result = cli("bench", "tiny.toml", "--no-compile", "--batch-size", 2, *QUICK)
    assert (result.code, result.err) == (0, "")
    machine, versions, kernels, model, agreement, units, names, *rows = result.out.splitlines()
    assert machine.startswith("device: cpu (1 threads), ")
    assert re.fullmatch(
        rf"torch {re.escape(torch.__version__)}, zoo \S+, float32; matrix products: \d+ GFLOP/s",
        versions,
    )
    assert kernels == "convolutions of 3 x 3 taps: compiled"
    assert model == "model: tiny, images of 3 x 16 x 16, adam"
    assert re.fullmatch(r"losses of 20 steps: equal to \d\.\de-\d\d", agreement)
    assert units.split() == ["zoo", "torch", "channels"]
    assert names.split() == [
        *("step", "batch", "ms", "ms", "last", "ms"),
        *("ratio", "images/s", "GFLOP/s"),
    ]
    assert [row.split()[:2] for row in rows] == [["train", "2"], ["infer", "2"]]
    for row in rows:
        numbers = [float(cell) for cell in row.split()[1:]]
        assert len(numbers) == 7
        assert min(numbers) > 0


@pytest.mark.usefixtures("folder")
def test_json_of_the_batches_by_default(cli: Callable[..., Any]) -> None:
    result = cli("bench", "tiny.toml", "--no-compile", "--json", *QUICK, "--size", "8x12")
    assert (result.code, result.err) == (0, "")
    content = json.loads(result.out)
    assert content["architecture"]["input"] == [3, 8, 12]
    assert [(case["step"], case["batch_size"]) for case in content["cases"]] == [
        *(("training", 10), ("training", 100)),
        *(("inference", 1), ("inference", 10), ("inference", 100)),
    ]
    for case in content["cases"]:
        assert case["best"] in {"nchw", "channels_last"}
        seconds = {name: variant["seconds"] for name, variant in case["variants"].items()}
        assert case["ratio"] == pytest.approx(seconds["zoo"] / seconds[case["best"]])


@pytest.mark.usefixtures("folder")
def test_a_picture(cli: Callable[..., Any]) -> None:
    result = cli("bench", "tiny.toml", "--image", "150x101", *QUICK)
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    assert "model: tiny, a picture of 3 x 150 x 101 in 16 bits, adam" in lines
    assert lines[-1].split()[:2] == ["picture", "1"]
    content = json.loads(cli("bench", "tiny.toml", "--image", "150x101", "--json", *QUICK).out)
    (case,) = content["cases"]
    assert (case["step"], case["size"], case["depth"]) == ("picture", [150, 101], 16)
    assert set(case["variants"]) == {"zoo", "nchw", "channels_last"}
    crops = content["architecture"]["multiply_adds"] / (16 * 16)
    assert case["flop"] == pytest.approx(2 * crops * 150 * 101, rel=1e-3)


@pytest.mark.usefixtures("folder")
def test_a_picture_has_no_batch(cli: Callable[..., Any]) -> None:
    result = cli("bench", "tiny.toml", "--image", "64x64", "--batch-size", 2)
    assert result.code == 2
    assert "--image is one picture. Leave --batch-size out." in result.err


@pytest.mark.usefixtures("folder")
def test_a_picture_of_8_bits(cli: Callable[..., Any]) -> None:
    line = ("bench", "tiny.toml", "--image", "150x101", "--depth", 8, *QUICK)
    result = cli(*line)
    assert (result.code, result.err) == (0, "")
    assert "a picture of 3 x 150 x 101 in 8 bits" in result.out
    (case,) = json.loads(cli(*line, "--json").out)["cases"]
    assert case["depth"] == 8


@pytest.mark.usefixtures("folder")
def test_a_depth_is_of_a_picture(cli: Callable[..., Any]) -> None:
    result = cli("bench", "tiny.toml", "--depth", 8)
    assert result.code == 2
    assert "--depth is of a picture. Use it with --image." in result.err


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak from a moment on")
@pytest.mark.usefixtures("folder")
def test_zoo_alone_with_its_memory(cli: Callable[..., Any]) -> None:
    """A layer without a torch reference, which the architecture has, is no obstacle."""
    line = ("bench", "probed.toml", "--no-torch", "--repeats", 1, "--batch-size", 50)
    result = cli(*line, "--size", "64x64")
    assert (result.code, result.err) == (0, "")
    assert "losses of" not in result.out
    units, names, *rows = result.out.splitlines()[4:]
    assert units.split() == ["zoo", "memory"]
    assert names.split() == ["step", "batch", "ms", "images/s", "GFLOP/s", "MB"]
    assert [len(row.split()) for row in rows] == [6, 6]
    assert float(rows[0].split()[-1]) > 50 * 4 * 32 * 32 * 4 / 1e6  # what lies between layers


def test_no_file_is_changed_or_left(cli: Callable[..., Any], folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert cli("bench", "tiny.toml", "--no-compile", "--batch-size", 2, *QUICK).code == 0
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


NO_REFERENCE = (
    "layer 'probe' of zoo-probe 1.0: has no torch reference. Name one as its entry's "
    "torch_reference. Without torch.nn: zoo bench --no-torch, zoo run --backend zoo."
)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("", 2, "zoo bench: Missing argument 'ARCH.toml'. See zoo bench --help."),
        ("none.toml", 2, "none.toml: cannot be read: No such file or directory."),
        (
            "tiny.toml --batch-size 0",
            2,
            "zoo bench: Invalid value for '--batch-size': is 0. Use an integer >= 1. See zoo "
            "bench --help.",
        ),
        (
            "tiny.toml --size 64",
            2,
            "zoo bench: Invalid value for '--size': '64' is no size. Write HxW in pixels, such as "
            "64x64. See zoo bench --help.",
        ),
        (
            "tiny.toml --size 15x16",
            2,
            "tiny.toml:22:1: the output is 16x16, the input 15x16: the loss cannot compare them. "
            "Use layers that give back the input's shape. The network gives back heights and "
            "widths that are a multiple of 2.",
        ),
        (
            "tiny.toml --set train.epochs=x",
            2,
            '--set:1:1: train.epochs: is "x". Use an integer >= 1.',
        ),
        (
            "tiny.toml --device gpu",
            2,
            "--device gpu: no such device. Use auto, cpu, cuda or cuda:N.",
        ),
        ("probed.toml", 3, NO_REFERENCE),
    ],
)
def test_mistakes(line: str, code: int, message: str, cli: Callable[..., Any]) -> None:
    result = cli("bench", *line.split())
    assert (result.code, result.out, result.err) == (code, "", f"{message}\n")


@pytest.mark.usefixtures("folder")
def test_losses_that_are_not_finite(cli: Callable[..., Any]) -> None:
    steep = 'optimizer={ type = "sgd", lr = 1e30 }'
    linear = 'layers.3={ type = "linear", out_features = 16 }'
    result = cli("bench", "tiny.toml", *QUICK, "--no-compile", "--set", steep, "--set", linear)
    assert (result.code, result.out) == (1, "")
    assert re.fullmatch(
        r"tiny: the loss of step \d+ is (nan|inf) with zoo\. Only finite losses can be compared: "
        r"use a smaller learning rate\.\n",
        result.err,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["none.toml"], ["a.toml", "--size", "1"]])
def test_help_and_mistakes_import_no_torch(arguments: list[str]) -> None:
    code = (
        f"import sys\nfrom zoo.cli import main\nsys.argv = ['zoo', 'bench', *{arguments}]\n"
        "sys.stdout = sys.stderr = open('/dev/null', 'w')\ntry: main()\nexcept SystemExit: pass\n"
        "print('torch' in sys.modules, file=sys.__stdout__)"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout == "False\n"
