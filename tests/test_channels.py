"""One value makes a network of 1, 2 or 5 channels of every architecture that comes with zoo."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.engine import shipped
from zoo.architecture import Architecture
from zoo.architecture.overrides import parse_overrides
from zoo.architecture.read import parse_architecture
from zoo.compiler import Compiler
from zoo.describe.starter import starter_text
from zoo.plugins.registry import Registry, load_registry
from zoo.train import TrainStep
from zoo.train.session import initial_model

NAMES = sorted(path.stem for path in shipped.ARCHITECTURES.glob("*.toml"))


def assert_trains(compiler: Compiler, channels: int) -> None:
    """A step on one crop keeps its shape and changes the last layer."""
    assert compiler.architecture.input.channels == channels
    draws = torch.Generator().manual_seed(0)
    model = initial_model(compiler, 0)
    x, target = (torch.rand(1, *compiler.architecture.input.shape, generator=draws) for _ in "xt")
    assert model.forward(x).shape == x.shape
    before = [value.clone() for value, _ in model.param()]
    step = TrainStep(model, compiler.loss(), compiler.optimizer(model.param()), capture=False)
    assert step(x, target).isfinite()
    assert any(not value.equal(old) for (value, _), old in zip(model.param(), before, strict=True))


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("name", NAMES)
def test_shipped_architectures(name: str, channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    size = 32
    change = f"input={{channels={channels}, height={size}, width={size}}}"
    compiler = shipped.compiler(name, monkeypatch, change)
    assert_trains(compiler, channels)
    again = parse_architecture(compiler.architecture.text, compiler.registry, "again", Path())
    assert again.text == compiler.architecture.text  # the resolved file needs no variable


@pytest.mark.parametrize("channels", [1, 2, 5])
@pytest.mark.parametrize("of", ["starter", "template"])
def test_files_to_start_from(of: str, channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_PLUGINS", "")
    registry = load_registry()
    spec = read_text(start(of), registry, f"input.channels={channels}")
    assert_trains(Compiler(spec, registry), channels)


def start(of: str) -> str:
    if of == "starter":
        return starter_text()
    template = Path(__file__).parents[1] / "zoo/plugins/template/architecture.toml.txt"
    plain = template.read_text().replace("\nslope = 2.0", "")
    return plain.replace("{{layer}}", "relu")


def read_text(text: str, registry: Registry, *changes: str) -> Architecture:
    overrides = parse_overrides(changes, Path())
    return parse_architecture(text, registry, "start.toml", Path(), overrides)
