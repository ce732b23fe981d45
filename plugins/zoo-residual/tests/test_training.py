"""Batch normalisation in a run: resumed bit for bit, and evaluated with its running statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from zoo.architecture import Architecture, read_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.compiler import Compiler
from zoo.errors import Stopped
from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registry, load_registry
from zoo.train.checkpoint import load_checkpoint
from zoo.train.run_directory import RunDirectory
from zoo.train.session import initial_model, load_run_data, load_trained
from zoo.train.signals import StopRequest
from zoo.train.trainer import Trainer

pytest.importorskip("zoo_residual", reason="zoo-residual is not installed")

DNCNN = Path(__file__).parents[1] / "architectures" / "dncnn.toml"
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(discover({"ZOO_PLUGINS": "zoo-residual"}))


@pytest.fixture(scope="module")
def tiny(registry: Registry) -> Architecture:
    """Two epochs of three steps of a DnCNN with few layers and channels."""
    changes = ["vars.width=4", "vars.depth=2", "input.height=16", "input.width=16"]
    changes += ["data.samples_per_epoch=10", "train.epochs=2", "train.batch_size=4"]
    return read_architecture(DNCNN, registry, parse_overrides(changes, DNCNN.parent))


@dataclass
class StopAfter:
    """Asks for a stop after a step; 0 for never."""

    request: StopRequest
    step: int

    def on_step(self, trainer: Trainer) -> None:
        if trainer.progress.step == self.step:
            self.request.signal = 2

    def on_epoch(self, metrics: Mapping[str, Any]) -> None:
        pass

    def on_kept(self, metrics: Mapping[str, Any]) -> None:
        pass

    def on_warning(self, message: str) -> None:
        raise AssertionError(message)


def trainer_of(spec: Architecture, registry: Registry) -> Trainer:
    compiler = Compiler(spec, registry)
    data = load_run_data(compiler, CPU)
    model = initial_model(compiler, spec.train.seed)
    return Trainer(spec, compiler, model, data.batches, data.validation, CPU)


def train(trainer: Trainer, folder: Path, stop_after: int = 0) -> Trainer:
    folder.mkdir(exist_ok=True)
    request = StopRequest()
    trainer.run(RunDirectory(folder), StopAfter(request, stop_after), request)
    return trainer


@pytest.mark.parametrize("after", [2, 3, 4])
def test_a_run_that_is_stopped_and_resumed_is_the_same(
    after: int, tiny: Architecture, registry: Registry, tmp_path: Path
) -> None:
    train(trainer_of(tiny, registry), tmp_path / "whole")
    with pytest.raises(Stopped):
        train(trainer_of(tiny, registry), tmp_path / "stopped", stop_after=after)
    resumed = trainer_of(tiny, registry)
    resumed.restore(load_checkpoint(tmp_path / "stopped" / "last.pkl"))
    train(resumed, tmp_path / "stopped")
    for name in ("last.pkl", "best.pkl"):
        whole, stopped = (
            load_checkpoint(tmp_path / folder / name) for folder in ("whole", "stopped")
        )
        torch.testing.assert_close(stopped["model"], whole["model"], rtol=0, atol=0)
        states = stopped["optimizer"]["state"], whole["optimizer"]["state"]
        torch.testing.assert_close(*states, rtol=0, atol=0)
    assert whole["model"]["0.body.3.num_batches_tracked"].equal(
        torch.tensor(whole["progress"]["step"])
    )


def test_a_checkpoint_is_evaluated_with_the_running_statistics_and_is_torchs(
    tiny: Architecture, registry: Registry, tmp_path: Path
) -> None:
    trainer = train(trainer_of(tiny, registry), tmp_path)
    path = tmp_path / "last.pkl"
    _, model = load_trained(path, registry)
    (image,) = trainer.validation
    y = model.forward(image.noisy[None])[0].clamp(0, 1)
    error = (y - image.reference).double().square().mean()
    assert trainer.metrics[-1]["val_psnr"] == pytest.approx(float(-10 * error.log10()), abs=1e-4)

    layers: list[nn.Module] = [nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()]
    for _ in range(2):
        layers += [nn.Conv2d(4, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()]
    body = nn.Sequential(*layers, nn.Conv2d(4, 3, 3, padding=1)).eval()
    state = torch.load(path, weights_only=True)["model"]
    body.load_state_dict({name.removeprefix("0.body."): value for name, value in state.items()})
    x = torch.rand(1, 3, 12, 10)
    with torch.no_grad():
        torch.testing.assert_close(model.forward(x), x - body(x))
