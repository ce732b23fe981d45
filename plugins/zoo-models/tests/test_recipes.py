"""The scripts that pack a run and measure a model, on a small one trained here."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import tomli
import torch
from PIL import Image

pytest.importorskip("zoo_models", reason="the plugin zoo-models is not installed")

from zoo_models import plugin

import zoo
from zoo.describe.model_card import read_card
from zoo.plugins.discovery import Provider
from zoo.plugins.model_entry import ModelEntry
from zoo.plugins.registry import InstalledModel, Registry, load_registry
from zoo.train.checkpoint import load_checkpoint, save_checkpoint

PACKAGE = Path(plugin.__file__).parent
RECIPES = PACKAGE.parent / "recipes"
TINY = """
format = 1
name = "tiny"
input = { channels = 3, height = 16, width = 16 }
layers = [{ type = "conv2d", out_channels = 3, kernel_size = 3, padding = 1, init = "zeros" }]

[data]
source = { type = "demo", folder = "photos" }
noise = { type = "gaussian", sigma = 25 }
"""


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"zoo_models_{name}", RECIPES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A folder with the checkpoint of a run, as good as untrained."""
    from zoo.architecture import parse_architecture
    from zoo.compiler import Compiler
    from zoo.train.environment import versions
    from zoo.train.providers import providers
    from zoo.train.session import initial_model
    from zoo.train.trainer import Progress

    registry = load_registry()
    spec = parse_architecture(TINY, registry, "tiny.toml", tmp_path)
    model = initial_model(Compiler(spec, registry), 0)
    content = {
        "architecture": spec.text,
        "model": model.state_dict(),
        "optimizer": {"type": "Adam", "lr": 0.01, "step": 0, "state": []},
        "progress": {**asdict(Progress()), "epoch": 2},
        "rng": {"seed": 0, "torch": torch.get_rng_state(), "cuda": None},
        "plugins": providers(spec, registry),
        "versions": versions(),
        "metrics": [{"epoch": 1, "seconds": 90.0}, {"epoch": 2, "seconds": 60.0}],
    }
    folder = tmp_path / "run"
    folder.mkdir()
    save_checkpoint(folder / "best.pkl", content)
    (folder / "environment.json").write_text(json.dumps({"device": "cpu (1 threads)"}))
    return folder


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the package without any model, under another name."""
    folder = tmp_path / "zoo_t_pack"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "models.toml").touch()
    shutil.copytree(PACKAGE / "cards", folder / "cards")
    monkeypatch.syspath_prepend(str(tmp_path))
    return folder


def packed_entry(package: Path) -> ModelEntry:
    facts = tomli.loads((package / "models.toml").read_text())["photo-small"]
    return ModelEntry(
        name="photo-small",
        file="zoo_t_pack:weights/photo-small.pkl",
        card="zoo_t_pack:cards/photo-small.toml",
        **facts,
    )


def test_packing(run: Path, package: Path) -> None:
    pack = script("pack").pack
    path = pack(run, "photo-small", package)
    entry = packed_entry(package)
    assert entry.verified_path() == path
    card = read_card(entry)
    assert entry.summary == card.fields["title"]
    assert "measured" not in card.fields
    assert card.fields["training"]["duration"] == "2 epochs, 2 minutes on cpu (1 threads)"
    assert "optimizer" not in load_checkpoint(path)
    index = (package / "models.toml").read_bytes()
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    pack(run, "photo-small", package)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == digest
    assert (package / "models.toml").read_bytes() == index
    pack(run, "photo", package)
    assert [*tomli.loads((package / "models.toml").read_text())] == ["photo", "photo-small"]


def test_measuring(
    run: Path, package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script("pack").pack(run, "photo-small", package)
    measure = script("measure")
    entry = packed_entry(package)
    found = load_registry()
    provider = Provider("zoo-t-pack", "1.0", "m")
    registry = Registry(found, models=[InstalledModel(entry, provider)])
    monkeypatch.setattr("zoo.plugins.registry.load_registry", lambda: registry)
    monkeypatch.setattr(measure, "load_registry", lambda: registry)
    monkeypatch.setattr(measure, "SPEED_SHAPE", (16, 24))
    pictures = tmp_path / "set14"
    pictures.mkdir()
    Image.effect_noise((40, 32), 50).save(pictures / "grey.png")
    kept = tmp_path / "kept.json"
    options = ["photo-small", "--set14", str(pictures), "--kept", str(kept)]
    arguments = ["measure", *options, "--methods", "noisy", "gaussian_blur", "model"]
    monkeypatch.setattr("sys.argv", arguments)
    measure.main()
    measured = read_card(entry).fields["measured"]
    assert (measured["parameters"], measured["receptive_field"]) == (84, [3, 3])
    assert measured["speed"]["megapixels_per_second"] > 0
    rows = [(row["pictures"], row["sigma"]) for row in measured["psnr"]]
    sigmas = (15, 25, 50)
    assert rows == [(name, sigma) for name in ("Set14", "chelsea") for sigma in sigmas]
    expected = {"noisy": 20.15, "gaussian_blur": 28.76}  # as the table of any run on the demo
    dB = measured["psnr"][4]["dB"]  # noqa: N806 - the unit
    assert {name: dB[name] for name in expected} == pytest.approx(expected, abs=0.005)
    assert dB["model"] < 10  # black

    def again(*arguments: Any) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(measure, "classical", again)
    measure.main()
    assert read_card(entry).fields["measured"]["psnr"] == measured["psnr"]


def test_bm3d(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("bm3d", reason="bm3d is not installed")
    from zoo.data.evaluation import EvaluationImage

    measure = script("measure")
    draws = torch.Generator().manual_seed(0)
    for channels in (1, 3):
        clean = torch.full((channels, 32, 40), 0.5)
        noisy = clean + 25 / 255 * torch.randn(clean.shape, generator=draws)
        image = EvaluationImage("flat", noisy, clean)
        gain = measure.classical("bm3d", [image], 25) - measure.classical("noisy", [image], 25)
        assert gain > 10


def test_a_packed_model_is_denoised_with(run: Path, package: Path) -> None:
    path = script("pack").pack(run, "photo-small", package)
    x = torch.rand(1, 3, 20, 20)
    assert zoo.load(path, device="cpu")(x).shape == x.shape
