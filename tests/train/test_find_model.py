"""A run's folder, a checkpoint or an installed model: what a user names."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import zoo
from tests.models import install, installed
from zoo.errors import CheckpointError, PluginError
from zoo.plugins.discovery import Failure, Provider
from zoo.plugins.registry import Registry
from zoo.train.find_model import FoundModel, find_model
from zoo.train.trainer import Trainer


@pytest.fixture
def best(finished: tuple[Trainer, Path]) -> Path:
    return finished[1] / "best.pkl"


def refusal(model: str | Path, registry: Registry) -> str:
    with pytest.raises(CheckpointError) as caught:
        find_model(model, registry)
    return str(caught.value)


def test_runs_and_checkpoints(best: Path, registry: Registry) -> None:
    run = best.parent
    assert find_model(run, registry) == FoundModel(str(run), best, "best")
    last = run / "last.pkl"
    assert find_model(str(last), registry) == FoundModel(str(last), last, "last")


def test_an_installed_model(best: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = install(tmp_path, best)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with installed(tmp_path) as found:
        path = package / "weights.pkl"
        assert find_model("tiny-photo", found) == FoundModel("tiny-photo", path, "tiny-photo")
        qualified = find_model("zoo-t-models:tiny-photo", found)
        assert qualified.path == path
        x = torch.rand(1, 3, 16, 16)
        expected = zoo.load(best, device="cpu")(x)
        assert torch.equal(zoo.load("tiny-photo", device="cpu")(x), expected)
        Path("tiny-photo").mkdir()  # what is here is taken before what is installed
        assert refusal("tiny-photo", found) == (
            "tiny-photo: no best.pkl or last.pkl in it. Use a run's folder."
        )
        assert refusal("tiny-foto", found) == (
            "tiny-foto: no run, checkpoint or installed model of that name. "
            "Did you mean tiny-photo? Installed models: tiny-photo."
        )


def test_its_sum_is_verified_first(best: Path, tmp_path: Path) -> None:
    package = install(tmp_path, best)
    with installed(tmp_path) as found:
        (package / "weights.pkl").write_bytes(best.with_name("last.pkl").read_bytes()[:-1])
        assert "damaged or replaced: its sha256 begins with" in refusal("tiny-photo", found)


def test_a_name_of_two_distributions(best: Path, tmp_path: Path) -> None:
    for distribution in ("zoo-t-a", "zoo-t-b"):
        install(tmp_path, best, distribution=distribution)
    with installed(tmp_path) as found:
        with pytest.raises(PluginError) as caught:
            find_model("tiny-photo", found)
        assert str(caught.value) == (
            "model 'tiny-photo': provided by zoo-t-a 1.0 and zoo-t-b 1.0. "
            "Choose with zoo-t-a:tiny-photo or zoo-t-b:tiny-photo."
        )
        assert find_model("zoo-t-b:tiny-photo", found).path.parent.name == "zoo_t_b"


def test_nothing_of_that_name(tmp_path: Path) -> None:
    failure = Failure(Provider("zoo-t-models", "1.0", "m"), "zoo_models failed: KeyError: 'x'")
    assert refusal(tmp_path / "x.pkl", Registry([], [failure])) == (
        f"{tmp_path / 'x.pkl'}: no run, checkpoint or installed model of that name. "
        f"Installed models: none. It may be of a plugin that failed: {failure}"
    )
