from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from zoo.architecture import Architecture, parse_architecture
from zoo.architecture.overrides import parse_overrides
from zoo.compiler import Compiler
from zoo.plugins.discovery import discover
from zoo.plugins.registry import Registry, load_registry
from zoo.torch_backend import TorchBackend
from zoo.train.backend import ZooBackend
from zoo.train.run_directory import RunDirectory
from zoo.train.session import initial_model, load_run_data
from zoo.train.signals import StopRequest
from zoo.train.trainer import Trainer

TINY = """
format = 1
name = "tiny"
input = { channels = 3, height = 16, width = 16 }
layers = [
    { type = "conv2d", out_channels = 4, kernel_size = 3, stride = 2, padding = 1 },
    { type = "relu" },
    { type = "upsampling", out_channels = 3, kernel_size = 3, padding = 1 },
    { type = "sigmoid" },
]
optimizer = { type = "adam", lr = 0.01 }

[data]
source = "photos"
noise = { type = "gaussian", sigma = [0, 50] }
evaluation_noise = { type = "gaussian", sigma = 25 }
samples_per_epoch = 10

[train]
epochs = 2
batch_size = 4  # three steps an epoch, the last one of two crops
schedule = "cosine"
"""

Describe = Callable[..., Architecture]


@pytest.fixture(scope="session")
def registry() -> Registry:
    return load_registry(discover({"ZOO_PLUGINS": ""}))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a folder ``photos`` of five small images."""
    base = tmp_path_factory.mktemp("base")
    (base / "photos").mkdir()
    draws = torch.Generator().manual_seed(0)
    for index in range(5):
        coarse = torch.rand(1, 3, 5, 6, generator=draws)
        image = torch.nn.functional.interpolate(coarse, size=(20, 26), mode="bilinear")[0]
        pixels = (image * 255).byte().permute(1, 2, 0).numpy()
        Image.fromarray(pixels).save(base / "photos" / f"{index}.png")
    return base


@pytest.fixture(scope="session")
def tiny(registry: Registry, base: Path) -> Describe:
    """``tiny("train.epochs=3", ...)``: the checked architecture with these changes."""

    def describe(*changes: str, registry: Registry = registry) -> Architecture:
        overrides = parse_overrides(changes, base)
        return parse_architecture(TINY, registry, "tiny.toml", base, overrides)

    return describe


@pytest.fixture(scope="session")
def make_trainer(registry: Registry) -> Callable[..., Trainer]:
    """``make_trainer(spec)``: what trains it, by the backend that it says."""

    def make(spec: Architecture, registry: Registry = registry) -> Trainer:
        compiler = Compiler(spec, registry)
        device = torch.device("cpu")
        model = initial_model(compiler, spec.train.seed)
        data = load_run_data(compiler, device)
        backend = TorchBackend if spec.train.backend == "torch" else ZooBackend
        trainer = Trainer(
            spec,
            compiler,
            model,
            data.batches,
            data.validation,
            device,
            make_backend=backend,
        )
        trainer.record = data.record
        return trainer

    return make


@dataclass
class Watcher:
    """Notes what the trainer tells it, and requests a stop after step ``stop_after``.

    ``then`` is called at the end of each epoch. Warnings are an error, unless there is a list for
    them.
    """

    stop: StopRequest
    stop_after: int | None = None
    then: Callable[[Mapping[str, Any]], None] = lambda metrics: None
    warnings: list[str] | None = None
    rates: list[float] = field(default_factory=list)
    epochs: list[Mapping[str, Any]] = field(default_factory=list)

    def on_step(self, trainer: Trainer) -> None:
        self.rates.append(trainer.optimizer.lr)
        if trainer.progress.step == self.stop_after:
            self.stop.signal = 2

    def on_epoch(self, metrics: Mapping[str, Any]) -> None:
        self.epochs.append(metrics)
        self.then(metrics)

    def on_kept(self, metrics: Mapping[str, Any]) -> None:
        assert self.epochs[-1] is metrics

    def on_warning(self, message: str) -> None:
        if self.warnings is None:
            raise AssertionError(message)
        self.warnings.append(message)


@pytest.fixture(scope="session")
def train() -> Callable[..., Watcher]:
    """``train(trainer, folder, ...)``: run it; with the other fields of :class:`Watcher`."""

    def run(trainer: Trainer, folder: Path, **options: Any) -> Watcher:
        folder.mkdir(exist_ok=True)
        stop = StopRequest()  # not entered: the test process keeps its signal handlers
        watcher = Watcher(stop, **options)
        trainer.run(RunDirectory(folder), watcher, stop)
        return watcher

    return run


@pytest.fixture(scope="session")
def finished(
    tiny: Describe,
    make_trainer: Callable[[Architecture], Trainer],
    train: Callable[..., Watcher],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Trainer, Path]:
    """A trainer that was never stopped, and its folder; both are only to be read."""
    folder = tmp_path_factory.mktemp("finished")
    trainer = make_trainer(tiny())
    train(trainer, folder)
    return trainer, folder
