"""``zoo compare``: two runs of each architecture, epoch by epoch in turn."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from tests.cli.test_backend import signalled
from tests.cli.test_stop_and_resume import assert_same_run
from zoo.nn import Sigmoid
from zoo.torch_backend.comparison import BACKENDS

Cli = Callable[..., Any]


@pytest.fixture
def lone(base: Path, cli: Cli) -> Callable[..., Any]:
    """``lone("--out", "c")``: the comparison of tiny.toml on a CPU."""
    return lambda *options: cli("compare", base / "tiny.toml", *options, "--device", "cpu")


def test_a_table_of_both(lone: Callable[..., Any], base: Path, cli: Cli, tmp_path: Path) -> None:
    result = lone("-o", "both")
    assert result.code == 0
    (warning,) = result.err.splitlines()  # of the one; the other has the same to say
    assert warning.startswith("warning: tiny-zoo: the result is no better than its noisy input")
    lines = result.out.splitlines()
    assert lines[0] == "comparison: both"
    epochs = [line[:19] for line in lines if "  epoch " in line]
    order = ["zoo", "torch.nn", "torch.nn", "zoo"]  # which begins changes
    assert epochs == [
        f"{name:<10}epoch {epoch}/2" for name, epoch in zip(order, (1, 1, 2, 2), strict=True)
    ]
    table = lines[lines.index("tiny, 223 parameters") :]
    assert max(map(len, table)) <= 80
    numbers = r"\d+\.\d{3} dB  +\d+\.\d{3} dB  +[+-]\d\.\de[+-]\d\d dB  +\d+\.\d  +\d+\.\d"
    assert table[1].split() == ["PSNR", "PSNR", "seconds", "seconds"]
    assert table[2].split() == ["epoch", "zoo", "torch.nn", "difference", "zoo", "torch.nn"]
    for epoch, line in enumerate(table[3:5], start=1):
        assert re.fullmatch(rf" +{epoch}  {numbers}", line), line
    assert table[5] == "seconds: with validation; an epoch of each in turn, in one process"
    assert table[7].split() == [
        *("architecture", "zoo", "torch.nn", "difference", "zoo", "torch.nn", "of", "all"),
        "median",
    ]
    assert re.fullmatch(
        r"tiny +\d+\.\d\d dB  +\d+\.\d\d dB  +\d\.\de-\d\d dB( +\d+\.\d){2}( +\d+\.\d\d){2}",
        table[8],
    )
    assert table[-2:] == ["runs: both/tiny-zoo, both/tiny-torch", "page: both/report.html"]
    page = (tmp_path / "both" / "report.html").read_text()
    assert "tiny: zoo beside torch.nn" in page

    for backend in BACKENDS:  # ordinary runs
        assert cli("run", base / "tiny.toml", "--backend", backend, "--out", backend).code == 0
        assert_same_run(tmp_path / f"both/tiny-{backend}", tmp_path / backend)


def test_json(lone: Callable[..., Any], base: Path, cli: Cli, tmp_path: Path) -> None:
    result = lone("--epochs", 1, "--json")
    assert result.code == 0
    (found,) = json.loads(result.out)["architectures"]
    (folder,) = (tmp_path / "compare").glob("tiny-*")
    name = f"compare/{folder.name}"
    assert found["runs"] == {it: f"{name}/tiny-{it}" for it in BACKENDS}
    assert found["parameters"] == 223
    assert 0 <= found["largest_difference"] < 1e-3
    assert found["epochs_timed_elsewhere"] == 0
    (epoch,) = found["epochs"]
    assert epoch.keys() == {"epoch", "psnr", "difference", "val_loss", "seconds"}
    for it in BACKENDS:
        run = folder / f"tiny-{it}"
        assert found["psnr"][it] == json.loads((run / "evaluation.json").read_text())["psnr"]
        assert json.loads((run / "metrics.jsonl").read_text())["val_psnr"] == epoch["psnr"][it]


@pytest.mark.parametrize("step", [2, 5], ids=["first-epoch", "second-epoch"])
def test_stopped_and_taken_up(
    step: int, lone: Callable[..., Any], base: Path, tmp_path: Path
) -> None:
    """In a step by torch.nn, of its first or its second epoch."""
    expected = lone("-o", "whole", "--json")
    with pytest.MonkeyPatch.context() as patch:
        signalled(patch, step, signal.SIGINT)
        stopped = lone("-o", "part", "--json")
    assert (stopped.code, stopped.out) == (130, "")
    assert stopped.err.splitlines()[-1] == (
        f"stopped and saved after step {step} of 6. Go on with: zoo compare {base / 'tiny.toml'} "
        "--device cpu --out part"
    )
    resumed = lone("-o", "part", "--json")
    assert resumed.code == 0
    here, there = (json.loads(it.out)["architectures"][0] for it in (resumed, expected))
    assert here["epochs_timed_elsewhere"] == 1
    for key in ("psnr", "largest_difference", "largest_loss_difference", "parameters"):
        assert here[key] == there[key]
    for backend in BACKENDS:
        assert_same_run(tmp_path / f"part/tiny-{backend}", tmp_path / f"whole/tiny-{backend}")
    again = lone("-o", "part")  # nothing is left to do
    assert again.code == 0
    assert "  epoch " not in again.out
    assert "\nup to epoch 2 an earlier call timed them\n" in again.out


def test_what_a_layer_draws_does_not_depend_on_the_other_side(
    lone: Callable[..., Any],
    base: Path,
    cli: Cli,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """One that draws from torch's global generator, as dropout does, only in training."""
    forward = Sigmoid.forward

    def noisy(self: Sigmoid, x: Tensor) -> Tensor:
        return forward(self, x + 0.1 * torch.randn(x.shape) if self.training else x)

    monkeypatch.setattr(Sigmoid, "forward", noisy)
    other = lambda self, x: (x + torch.randn(()) / 9).sigmoid()  # noqa: E731
    monkeypatch.setattr(torch.nn.Sigmoid, "forward", other)
    assert lone("-o", "both").code == 0
    assert cli("run", base / "tiny.toml", "--device", "cpu", "--out", "alone").code == 0
    assert_same_run(tmp_path / "both" / "tiny-zoo", tmp_path / "alone")


def test_several_architectures(base: Path, cli: Cli, tmp_path: Path) -> None:
    other = base / "other.toml"
    other.write_text((base / "tiny.toml").read_text().replace('"tiny"', '"other"'))
    result = cli("compare", base / "tiny.toml", other, "--epochs", 1, "-o", "c", "--json")
    assert result.code == 0
    names = {"tiny-zoo", "tiny-torch", "other-zoo", "other-torch"}
    assert {path.name for path in (tmp_path / "c").iterdir()} == {*names, "report.html"}
    found = json.loads(result.out)["architectures"]
    assert [it["name"] for it in found] == ["tiny", "other"]
    assert found[0]["psnr"] == found[1]["psnr"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["tiny.toml", "--out", "photos"],
            2,
            "--out photos: already there, and no comparison of tiny. Use another folder.\n",
        ),
        (
            ["tiny.toml", "twin.toml"],
            2,
            "zoo compare: two files have the name 'tiny'. Give each a name of its own.\n",
        ),
        (
            ["probed.toml", "--data", "empty"],
            3,
            "layer 'probe' of zoo-probe 1.0: has no torch reference. Name one as its entry's "
            "torch_reference. Without torch.nn: zoo bench --no-torch, zoo run --backend zoo.\n",
        ),
        (
            ["tiny.toml", "--data", "small"],
            4,
            "tiny.toml: b.png (and 1 more): 8 x 8 pixels (height x width), too small for crops of ",
        ),
        (
            ["tiny.toml", "--set", "train.epoch=3"],
            2,
            "--set:1:1: train.epoch: is not a known key.",
        ),
    ],
)
def test_what_is_refused(
    arguments: list[str], code: int, message: str, base: Path, cli: Cli, tmp_path: Path
) -> None:
    for name in ("tiny.toml", "probed.toml"):
        (tmp_path / name).write_text((base / name).read_text())
    (tmp_path / "twin.toml").write_text((base / "tiny.toml").read_text() + "\n")
    for name in ("photos", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "photos" / "a.txt").write_text("mine")
    (tmp_path / "small").mkdir()
    for name in "abc":
        noise = np.random.default_rng(ord(name)).integers(256, size=(8, 8, 3), dtype=np.uint8)
        Image.fromarray(noise).save(tmp_path / "small" / f"{name}.png")
    result = cli("compare", *arguments)
    assert (result.code, result.out) == (code, "")
    lines = [line for line in result.err.splitlines(True) if not line.startswith("warning: ")]
    assert "".join(lines).startswith(message)
    assert not (tmp_path / "compare").exists()
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["a.txt"]
