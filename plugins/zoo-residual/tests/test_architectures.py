"""The plugin's architectures: checked, shown, trained, and the same networks in torch.nn."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import zoo
from zoo.architecture import Architecture, parse_architecture, read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.compiler import Compiler
from zoo.nn import MSE
from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registry, load_registry
from zoo.train import TrainStep
from zoo.train.session import initial_model

pytest.importorskip("zoo_residual", reason="zoo-residual is not installed")

FOLDER = Path(__file__).parents[1] / "architectures"
NAMES = ("dncnn", "resnet_small")
# With these changes: parameters, and multiply-adds for a pixel of the image.
COUNTS = {
    ("dncnn",): (558_403, 556_416),
    ("dncnn", "input.channels=1"): (556_097, 554_112),
    ("dncnn", "vars.depth=18", "input.channels=1"): (667_073, 664_704),
    ("dncnn", "vars.width=32"): (140_963, 139_968),
    ("resnet_small",): (80_940, 20_160),
    ("resnet_small", "input.channels=1"): (76_324, 19_008),
    ("resnet_small", "vars.width=64", "vars.depth=8"): (604_748, 150_912),
}


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(discover({"ZOO_PLUGINS": "zoo-residual"}))


def read(registry: Registry, name: str, *changes: str) -> Architecture:
    return read_architecture(FOLDER / f"{name}.toml", registry, parse_overrides(changes, FOLDER))


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "zoo", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "ZOO_PLUGINS": "zoo-residual", "ZOO_STRICT_PLUGINS": "1"},
    )


def test_these_are_all() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(NAMES)


def test_check_says_that_they_are_right() -> None:
    paths = [str(FOLDER / f"{name}.toml") for name in NAMES]
    result = command("check", *paths)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{paths[0]}: 1 layer, 558,403 parameters",
        f"{paths[1]}: 1 layer, 80,940 parameters",
    ]


def test_show_lists_their_layers() -> None:
    result = command("show", str(FOLDER / "dncnn.toml"), "--json")
    assert (result.returncode, result.stderr) == (0, "")
    shown = json.loads(result.stdout)
    assert shown["parameters"] == 558_403
    assert shown["receptive_field"] == [35, 35]  # as in the paper: 2 * 17 + 1
    result = command("show", str(FOLDER / "resnet_small.toml"), "--json")
    shown = json.loads(result.stdout)
    assert shown["parameters"] == 80_940
    assert shown["receptive_field"] == [42, 42]


@pytest.mark.parametrize("changed", COUNTS, ids="-".join)
def test_their_counts(changed: tuple[str, ...], registry: Registry) -> None:
    spec = read(registry, *changed)
    info = spec.shapes.info
    pixels = spec.input.height * spec.input.width
    parameters, multiply_adds = COUNTS[changed]
    assert (info.parameters, info.multiply_adds) == (parameters, multiply_adds * pixels)
    model = initial_model(Compiler(spec, registry), seed=0)
    assert sum(value.numel() for value, _ in model.param()) == parameters


class Torch(nn.Module):
    """x + factor body(x)."""

    def __init__(self, body: nn.Module, factor: float = 1.0) -> None:
        super().__init__()
        self.body = body
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.factor * self.body(x)
        return y


def dncnn() -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, padding=1), nn.ReLU()]
    for _ in range(15):
        layers += [nn.Conv2d(64, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    return nn.Sequential(Torch(nn.Sequential(*layers, nn.Conv2d(64, 3, 3, padding=1)), -1))


def resnet_small() -> nn.Sequential:
    def pair() -> nn.Module:
        first, second = (nn.Conv2d(32, 32, 3, padding=1) for _ in range(2))
        return Torch(nn.Sequential(first, nn.ReLU(), second))

    first, last = nn.Conv2d(12, 32, 3, padding=1), nn.Conv2d(32, 12, 3, padding=1)
    layers = nn.PixelUnshuffle(2), first, *(pair() for _ in range(4)), last, nn.PixelShuffle(2)
    return nn.Sequential(Torch(nn.Sequential(*layers)))


@pytest.mark.parametrize("make", [dncnn, resnet_small], ids=lambda make: make.__name__)
def test_some_steps_of_training_are_torchs(
    make: Callable[[], nn.Sequential], registry: Registry
) -> None:
    spec = read(registry, make.__name__, "optimizer={type='sgd', lr=0.02, momentum=0.9}")
    compiler = Compiler(spec, registry)
    model, same = initial_model(compiler, seed=0).to(torch.float64), make().double()
    assert list(model.state_dict()) == list(same.state_dict())
    same.load_state_dict(model.state_dict(), strict=True)
    step = TrainStep(model, MSE(), compiler.optimizer(model.param()))
    optimizer = torch.optim.SGD(same.parameters(), lr=0.02, momentum=0.9)
    x, target = torch.rand(2, 2, 3, 16, 16, dtype=torch.float64)
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(same(x), target)
        torch.autograd.backward(loss)
        optimizer.step()
        torch.testing.assert_close(step(x, target), loss.detach())
        torch.testing.assert_close(model.state_dict(), dict(same.state_dict()))
    with torch.no_grad():
        torch.testing.assert_close(model.eval().forward(x), same.eval()(x))


def test_the_small_one_begins_as_the_identity(registry: Registry) -> None:
    model = initial_model(Compiler(read(registry, "resnet_small"), registry), seed=0)
    x = torch.rand(2, 3, 8, 8)
    assert model.forward(x).equal(x)


def test_a_user_finds_and_loads_them() -> None:
    installed = Path(str(files("zoo_residual.architectures")))
    for name in NAMES:
        assert (installed / f"{name}.toml").read_text() == (FOLDER / f"{name}.toml").read_text()
    model = zoo.load_model(installed / "resnet_small.toml", device="cpu")
    assert model.output_shape((3, 8, 8)) == (3, 8, 8)


def test_the_readmes_example_is_right(registry: Registry) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (FOLDER.parent / "README.md").read_text(), re.S)
    head = 'format = 1\nname = "example"\ninput = { channels = 3, height = 8, width = 8 }\n'
    conv = '[[layers]]\ntype = "conv2d"\nkernel_size = 1\nout_channels = '
    text = f"{head}{conv}32\n{example}{conv}3\n"
    spec = parse_architecture(text, registry, "example.toml", FOLDER)
    names = list(initial_model(Compiler(spec, registry), seed=0).state_dict())
    assert "1.body.0.weight" in names
    assert names[-3] == "1.body.3.weight"  # the prelu of the second repetition


@pytest.mark.slow
def test_train_from_the_command_line(tmp_path: Path) -> None:
    """A few steps of each, on smooth pictures, and from the checkpoint to a model."""
    for name in NAMES:
        small = ["data.samples_per_epoch=6", "train.epochs=1", "train.batch_size=2"]
        small += ["vars.width=8", "vars.depth=2", "data.source='" + str(tmp_path / "images") + "'"]
        write_images(tmp_path / "images")
        changes = [word for change in small for word in ("--set", change)]
        out = str(tmp_path / name)
        result = command("run", str(FOLDER / f"{name}.toml"), "--out", out, *changes)
        assert result.returncode == 0, result.stderr
        warnings = result.stderr.splitlines()  # of three steps one may say that they are few
        assert [it for it in warnings if "One epoch is little" not in it] == []
        model = zoo.load_checkpoint(tmp_path / name / "best.pkl")
        assert model.forward(torch.rand(1, 3, 8, 12)).shape == (1, 3, 8, 12)


def write_images(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for index in range(3):
        corners = torch.randint(256, (3, 4, 3), dtype=torch.uint8).numpy()
        smooth = Image.fromarray(corners).resize((48, 44), Image.Resampling.BICUBIC)
        smooth.save(folder / f"{index}.png")
