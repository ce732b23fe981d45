"""Checkpoints without what only training needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tomli
import torch

from zoo.architecture import Architecture
from zoo.errors import CheckpointError
from zoo.plugins.registry import Registry
from zoo.train.checkpoint import load_checkpoint, save_checkpoint
from zoo.train.inference_checkpoint import for_inference
from zoo.train.resumable import check_resumable
from zoo.train.session import load_trained
from zoo.train.trainer import Trainer

Describe = Callable[..., Architecture]


@pytest.fixture
def packed(finished: tuple[Trainer, Path], registry: Registry, tmp_path: Path) -> Path:
    path = tmp_path / "packed.pkl"
    save_checkpoint(path, for_inference(load_checkpoint(finished[1] / "best.pkl"), registry))
    return path


def test_it_has_what_inference_needs(
    packed: Path, finished: tuple[Trainer, Path], registry: Registry
) -> None:
    whole = finished[1] / "best.pkl"
    content, before = load_checkpoint(packed), load_checkpoint(whole)
    assert list(content) == ["format", "architecture", "model", "plugins", "versions", "metrics"]
    for key in ("plugins", "versions", "metrics"):
        assert content[key] == before[key]
    x = torch.rand(2, 3, 16, 16)
    (_, model), (_, expected) = (load_trained(path, registry) for path in (packed, whole))
    assert torch.equal(model.forward(x), expected.forward(x))
    assert packed.stat().st_size < 0.7 * whole.stat().st_size  # adam keeps two values a weight


def test_the_same_run_gives_the_same_bytes(
    packed: Path, finished: tuple[Trainer, Path], registry: Registry, tmp_path: Path
) -> None:
    again = tmp_path / "elsewhere.pkl"
    save_checkpoint(again, for_inference(load_checkpoint(finished[1] / "best.pkl"), registry))
    assert again.read_bytes() == packed.read_bytes()


def test_it_names_no_folder_of_the_machine(packed: Path, base: Path) -> None:
    text = load_checkpoint(packed)["architecture"]
    assert text.startswith('# data.source.path was "photos"\n')
    assert tomli.loads(text)["data"]["source"] == {"type": "folder", "path": "photos"}
    assert str(base).encode() not in packed.read_bytes()


def test_what_a_source_can_do_without_is_left_out(
    finished: tuple[Trainer, Path], registry: Registry
) -> None:
    content = load_checkpoint(finished[1] / "best.pkl")
    document = tomli.loads(content["architecture"])
    folder = f'{{ type = "demo", folder = "{finished[1]}" }}'
    changed = content["architecture"].replace("[data.source]", f"validation = {folder}\n[old]")
    changed = changed.replace("[data]", f"[data]\nsource = {folder}")
    assert document["data"]["source"]["type"] == "folder"
    text = for_inference({**content, "architecture": changed}, registry)["architecture"]
    name = finished[1].name
    assert text.splitlines()[:2] == [
        f'# data.source.folder was "{name}"',
        f'# data.validation.folder was "{name}"',
    ]
    data = tomli.loads(text)["data"]
    assert data["source"] == data["validation"] == {"type": "demo"}


def test_it_cannot_be_resumed(packed: Path, tiny: Describe) -> None:
    with pytest.raises(CheckpointError) as caught:
        check_resumable(packed, load_checkpoint(packed), tiny())
    assert str(caught.value) == (
        f"{packed}: for inference alone, without the optimizer's state: it cannot be resumed. "
        "Start a new run from its weights with --weights."
    )


def test_half_of_the_state_of_training_is_incomplete(
    finished: tuple[Trainer, Path], tmp_path: Path
) -> None:
    content = load_checkpoint(finished[1] / "best.pkl")
    for key in ("format", "progress"):
        del content[key]
    save_checkpoint(tmp_path / "half.pkl", content)
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(tmp_path / "half.pkl")
    assert str(caught.value) == (
        f"{tmp_path / 'half.pkl'}: progress is missing. The file is incomplete."
    )
