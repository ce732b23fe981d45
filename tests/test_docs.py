"""What the README says is so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import zoo
from zoo.architecture import parse_architecture, read_architecture
from zoo.compiler import Compiler
from zoo.errors import ArchitectureError
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry
from zoo.train.checkpoint import save_checkpoint

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def block(language: str, containing: str) -> str:
    """The code block in that language that contains a text."""
    blocks = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    (found,) = [text for text in blocks if containing in text]
    return str(found)


def test_the_demo_command_beats_noise_blur_and_non_local_means(tmp_path: Path) -> None:
    command = block("sh", "n2n_small").strip().split(" && ")[-1]
    assert command == ".venv/bin/zoo run architectures/n2n_small.toml"
    out = tmp_path / "run"
    result = subprocess.run(
        [sys.executable, "-m", "zoo", *command.split()[1:], "--out", str(out), "--device", "cpu"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "this model" in result.stdout
    evaluation = json.loads((out / "evaluation.json").read_text("utf-8"))
    assert evaluation["psnr"] >= evaluation["psnr_noisy"] + 5
    assert evaluation["psnr"] > max(item["psnr"] for item in evaluation["baselines"].values())
    assert (out / "examples.png").stat().st_size > 0


def test_the_example_file_compiles(tmp_path: Path) -> None:
    registry = load_registry()
    text = block("toml", 'name = "tiny"')
    architecture = parse_architecture(text, registry, "README.md", tmp_path)
    model = Compiler(architecture, registry).model(torch.Generator())
    assert model.output_shape((3, 32, 32)) == (3, 32, 32)


MISTAKES = """\
format = 1
name = "net"
input = { channels = 3, height = 32, width = 32 }

[[layers]]
type = "conv2d"
out_channels = 32
kernel_size = 3
padding = 1

[[layers]]
type = "relu"

[[layers]]
type = "conv2d"
in_channels = 64
out_channels = 3
kernel_size = 3
padding = 1

[optimizer]
type = "adma"

[train]
epochs = 3.0
batchsize = 16
"""


def test_the_mistakes_are_told_as_shown(tmp_path: Path) -> None:
    command, *lines = block("console", "zoo check").splitlines()
    assert command == "$ zoo check net.toml"
    (tmp_path / "net.toml").write_text(MISTAKES)
    registry = load_registry(discover({"ZOO_PLUGINS": ""}))
    with pytest.raises(ArchitectureError) as caught:
        read_architecture(tmp_path / "net.toml", registry)
    assert str(caught.value).replace(f"{tmp_path}/", "").splitlines() == lines


def test_the_example_of_blocks_compiles(tmp_path: Path) -> None:
    base = 'format = 1\nname = "base"\ninput = { channels = 3, height = 32, width = 32 }\n'
    (tmp_path / "base.toml").write_text(base)
    (tmp_path / "net.toml").write_text(block("toml", "extends"))
    model = zoo.load_model(tmp_path / "net.toml", device="cpu")
    assert model.output_shape((3, 32, 32)) == (3, 32, 32)
    assert len(model) == 5


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo.load_model(ROOT / "architectures" / "n2n_small.toml", device="cpu")
    file = ROOT / "architectures" / "n2n_small.toml"
    rest = ("optimizer", "progress", "rng", "plugins", "versions", "metrics")
    content = {"model": model.state_dict(), "architecture": file.read_text("utf-8")}
    (tmp_path / "runs" / "x").mkdir(parents=True)
    save_checkpoint(tmp_path / "runs" / "x" / "best.pkl", {**content, **{key: {} for key in rest}})
    (tmp_path / "architectures").symlink_to(ROOT / "architectures")
    monkeypatch.chdir(tmp_path)
    names = {"noisy": torch.rand(2, 3, 32, 32), "other_noisy": torch.rand(2, 3, 32, 32)}
    # What is run is the README's own example, so it is what a reader would paste.
    exec(block("python", "zoo.load_checkpoint"), names)
    assert names["loss"].shape == ()
    assert names["denoised"].shape == names["noisy"].shape


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ("layers", "layer"),
        ("loss", "loss"),
        ("optimizers", "optimizer"),
        ("schedules", "schedule"),
        ("initializers", "initializer"),
        ("noises", "noise"),
        ("sources", "source"),
    ],
)
def test_the_table_names_all_built_ins(row: str, kind: str) -> None:
    (line,) = re.findall(rf"^\| {row} \| (.*) \|$", README, flags=re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", line)) == {
        item.entry.name
        for item in load_registry()
        if item.entry.kind == kind and item.provider.distribution == "zoo"
    }


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)h][^)]*)\)", README))))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
