from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from zoo.architecture import Architecture
from zoo.data import torch_file
from zoo.data.torch_file import SEAL_SIZE
from zoo.errors import CheckpointError
from zoo.plugins.registry import Registry
from zoo.testing import torch_equivalent
from zoo.train.checkpoint import load_checkpoint, load_newest, previous_path, save_checkpoint
from zoo.train.session import initial_model, load_trained
from zoo.train.trainer import Trainer

KEYS = [
    "format",
    "architecture",
    "model",
    "optimizer",
    "progress",
    "rng",
    "plugins",
    "versions",
    "metrics",
    "data",
]
USE = "Use a .pkl file that zoo has written."
DAMAGED = f"damaged, or not a checkpoint. {USE}"

# What a user without zoo does: only torch is imported.
WITHOUT_ZOO = """
import sys
import torch

content = torch.load(sys.argv[1], weights_only=True)
assert "zoo" not in sys.modules
model = torch.nn.Sequential(
    torch.nn.Conv2d(3, 4, 3, stride=2, padding=1),
    torch.nn.ReLU(),
    torch.nn.Sequential(torch.nn.Upsample(scale_factor=2), torch.nn.Conv2d(4, 3, 3, padding=1)),
    torch.nn.Sigmoid(),
)
print(*content)
print(model.load_state_dict(content["model"], strict=True))
x = torch.linspace(0, 1, 3 * 16 * 16).view(1, 3, 16, 16)
torch.save(model(x).detach(), sys.argv[2])
"""


@pytest.fixture
def saved(finished: tuple[Trainer, Path], tmp_path: Path) -> Path:
    """A copy of a run's last checkpoint, to be damaged."""
    path = tmp_path / "last.pkl"
    path.write_bytes((finished[1] / "last.pkl").read_bytes())
    return path


def unsealed(data: bytes) -> bytes:
    """A checkpoint without the checksum of the whole, as torch alone writes it."""
    return data[: -SEAL_SIZE - 2] + b"\0\0"


def refusal(path: Path) -> str:
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(path)
    return str(error.value)


def test_round_trip(finished: tuple[Trainer, Path]) -> None:
    trainer, folder = finished
    content = load_checkpoint(folder / "last.pkl")
    assert list(content) == KEYS
    assert content["format"] == 1
    assert content["architecture"] == trainer.architecture.text
    torch.testing.assert_close(content["model"], trainer.model.state_dict(), rtol=0, atol=0)
    optimizer, expected = content["optimizer"], trainer.optimizer.state_dict()
    torch.testing.assert_close(optimizer.pop("state"), expected.pop("state"), rtol=0, atol=0)
    assert optimizer == expected
    assert content["progress"]["epoch"] == 2
    assert content["progress"]["step"] == 6
    assert content["metrics"] == trainer.metrics
    assert content["rng"]["seed"] == 0
    assert content["plugins"] == dict.fromkeys(
        [
            "initializer pytorch",
            "layer conv2d",
            "layer relu",
            "layer sigmoid",
            "layer upsampling",
            "loss mse",
            "noise gaussian",
            "optimizer adam",
            "schedule cosine",
            "source folder",
        ],
        f"zoo {version('zoo')}",
    )
    assert content["versions"]["torch"] == torch.__version__


def test_a_record_of_many_images(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It counts as tensors do; that of an older checkpoint, in tables, is read too."""
    content = load_checkpoint(saved)
    image = content["data"]["train"][0]
    content["data"]["train"] = [image | {"name": f"{number}.png"} for number in range(2000)]
    save_checkpoint(saved, {key: it for key, it in content.items() if key != "format"})
    monkeypatch.setattr(torch_file, "MOST_PICKLED", 2**16)
    assert load_checkpoint(saved)["data"] == content["data"]
    torch.save(content, saved)
    assert refusal(saved).endswith(f" bytes beside its tensors. {USE}")
    monkeypatch.undo()
    assert load_checkpoint(saved)["data"] == content["data"]


def test_opens_without_zoo(
    finished: tuple[Trainer, Path], registry: Registry, tmp_path: Path
) -> None:
    checkpoint, output = finished[1] / "last.pkl", tmp_path / "y.pt"
    result = subprocess.run(
        [sys.executable, "-I", "-c", WITHOUT_ZOO, str(checkpoint), str(output)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{' '.join(KEYS)}\n<All keys matched successfully>\n"
    _, model = load_trained(checkpoint, registry)
    x = torch.linspace(0, 1, 3 * 16 * 16).view(1, 3, 16, 16)
    torch.testing.assert_close(torch.load(output), model.forward(x))


class Draws(TorchDispatchMode):
    """Notes the operations that draw random numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags:
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


def test_loading_draws_no_random_numbers(
    finished: tuple[Trainer, Path], registry: Registry
) -> None:
    trainer, folder = finished
    before = torch.get_rng_state()
    with Draws() as draws:
        compiler, model = load_trained(folder / "last.pkl", registry)
    assert draws.found == []
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(model.state_dict(), trainer.model.state_dict(), rtol=0, atol=0)
    with Draws() as draws:
        initial_model(compiler, seed=0)
    assert draws.found == ["aten.uniform_.default"] * 4  # what would have been noted


def test_the_rebuilt_network_is_the_trained_one_and_its_equivalent(
    finished: tuple[Trainer, Path], registry: Registry
) -> None:
    trainer, folder = finished
    compiler, model = load_trained(folder / "last.pkl", registry)
    assert compiler.architecture.text == trainer.architecture.text
    assert not model.training
    x = torch.rand(2, 3, 16, 16)
    assert torch.equal(model.forward(x), trainer.model.forward(x))
    with torch.no_grad():
        torch.testing.assert_close(torch_equivalent(model)(x), model.forward(x))


def test_one_flipped_byte_in_a_tensor_is_found(saved: Path) -> None:
    with zipfile.ZipFile(saved) as container:
        tensors = [item for item in container.infolist() if "/data/" in item.filename]
    assert len(tensors) >= 4 + 2 * 4  # four parameters, two moments of each
    original = saved.read_bytes()
    for item in tensors:
        data = bytearray(original)
        name, extra = data[item.header_offset + 26], data[item.header_offset + 28]
        extra += 256 * data[item.header_offset + 29]
        data[item.header_offset + 30 + name + extra + item.file_size // 2] ^= 1
        saved.write_bytes(data)
        torch.load(saved, weights_only=True)  # torch itself does not notice
        assert refusal(saved) == f"{saved}: damaged: its checksum is wrong. {USE}"
        saved.write_bytes(unsealed(bytes(data)))  # as one of before there was a checksum of all
        damaged = f"damaged: the checksum of {item.filename} is wrong."
        assert refusal(saved) == f"{saved}: {damaged} {USE}"


def test_a_flipped_byte_anywhere_is_found_or_harmless(saved: Path) -> None:
    original = saved.read_bytes()
    model = load_checkpoint(saved)["model"]
    for position in range(0, len(original), 97):
        data = bytearray(original)
        data[position] ^= 0xFF
        saved.write_bytes(data)
        try:
            content = load_checkpoint(saved)
        except CheckpointError as error:
            message = str(error)
            assert message.startswith(f"{saved}: ")
            assert "None" not in message
        else:  # padding, timestamps
            torch.testing.assert_close(content["model"], model, rtol=0, atol=0)


def test_truncated_anywhere(saved: Path) -> None:
    original = saved.read_bytes()
    for length in (0, 1, 4, 100, len(original) // 3, len(original) - 30, len(original) - 1):
        saved.write_bytes(original[:length])
        assert refusal(saved) == f"{saved}: {DAMAGED}"


def test_a_text_file(tmp_path: Path) -> None:
    path = tmp_path / "notes.pkl"
    path.write_text("not a checkpoint\n")
    assert refusal(path) == f"{path}: {DAMAGED}"


def test_a_pipe_or_device_is_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.pkl"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(CheckpointError) as raised:
            load_checkpoint(path)
        assert str(raised.value) == (f"{path}: cannot be read: a pipe or device, no regular file.")


def test_no_file_or_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "none.pkl"
    assert refusal(path) == f"{path}: cannot be read: No such file or directory."
    assert refusal(tmp_path) == f"{tmp_path}: cannot be read: Is a directory."


@pytest.mark.parametrize("content", [[torch.ones(3)], {"model": {}}, {"format": 2}, torch.ones(2)])
def test_somebody_elses_torch_save(tmp_path: Path, content: object) -> None:
    path = tmp_path / "other.pkl"
    torch.save(content, path)
    assert refusal(path) == (
        f"{path}: not a checkpoint of format 1. Use a .pkl file that zoo has written."
    )


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
            return os.mkdir, (tmp_path / "attacked",)

    path = tmp_path / "attack.pkl"
    torch.save({"format": 1, "model": Attack()}, path)
    calls = f"it calls '{os.name} mkdir', which is neither a tensor nor a plain value."
    assert refusal(path) == f"{path}: {calls} {USE}"
    assert not (tmp_path / "attacked").exists()


def test_a_key_is_missing(saved: Path) -> None:
    content = load_checkpoint(saved)
    save_checkpoint(
        saved, {key: content[key] for key in KEYS if key not in ("format", "rng", "metrics")}
    )
    assert refusal(saved) == f"{saved}: rng, metrics is missing. The file is incomplete."


def test_the_previous_checkpoint_is_kept(saved: Path) -> None:
    content = load_checkpoint(saved)
    for seed in range(3):
        save_checkpoint(saved, {**content, "rng": {**content["rng"], "seed": seed}}, True)
    assert load_checkpoint(saved)["rng"]["seed"] == 2
    assert load_checkpoint(previous_path(saved))["rng"]["seed"] == 1
    names = sorted(item.name for item in saved.parent.iterdir())
    assert names == ["last.pkl", "last.previous.pkl"]


def test_without_hard_links(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refuse)
    test_the_previous_checkpoint_is_kept(saved)


def test_the_one_that_has_come_furthest_takes_the_place_of_a_damaged_one(saved: Path) -> None:
    content = load_checkpoint(saved)
    others = [saved.with_name(f"{name}.pkl") for name in ("previous", "best", "missing", "broken")]
    assert load_newest(saved, others)[1] == ""
    for path, step in zip(others, (3, 5), strict=False):
        save_checkpoint(path, {**content, "progress": {**content["progress"], "step": step}})
    others[3].write_bytes(b"")
    saved.write_bytes(saved.read_bytes()[:1000])
    found, warning = load_newest(saved, others)
    assert found["progress"]["step"] == 5
    assert warning == f"{saved}: {DAMAGED} Going on from best.pkl, of step 5."
    saved.unlink()
    assert load_newest(saved, others[:1])[1] == (
        f"{saved}: cannot be read: No such file or directory. Going on from previous.pkl, of "
        "step 3."
    )
    saved.write_bytes(b"")
    with pytest.raises(CheckpointError) as error:
        load_newest(saved, others[2:])
    assert str(error.value) == f"{saved}: {DAMAGED}"


def test_a_damaged_one_never_takes_the_place_of_a_whole_one(saved: Path) -> None:
    content = load_checkpoint(saved)
    save_checkpoint(saved, content, keep_previous=True)
    whole = previous_path(saved).read_bytes()
    saved.write_bytes(whole[:-200] + bytes(200))
    save_checkpoint(saved, content, keep_previous=True)
    assert previous_path(saved).read_bytes() == whole
    assert load_checkpoint(saved)["progress"] == content["progress"]


def changed(saved: Path, **values: Any) -> Path:
    save_checkpoint(saved, {**load_checkpoint(saved), **values})
    return saved


def test_a_layer_that_is_not_installed(saved: Path, registry: Registry) -> None:
    text = load_checkpoint(saved)["architecture"].replace('"relu"', '"telu"')
    with pytest.raises(CheckpointError) as error:
        load_trained(changed(saved, architecture=text), registry)
    assert str(error.value) == (
        f'{saved}:26:8: layers[1].type: is "telu". '
        f'Use one of: {", ".join(registry.names("layer"))}. Did you mean "relu"?'
    )


def test_weights_of_another_network(
    saved: Path,
    registry: Registry,
    tiny: Callable[..., Architecture],
    make_trainer: Callable[[Architecture], Trainer],
) -> None:
    model = make_trainer(tiny("layers.0.out_channels=5")).model.state_dict()
    with pytest.raises(CheckpointError) as error:
        load_trained(changed(saved, model=model), registry)
    assert str(error.value) == (
        f"{saved}: Sequential: the state differs: "
        "0.weight has shape (5, 3, 3, 3) instead of (4, 3, 3, 3); "
        "0.bias has shape (5,) instead of (4,); "
        "2.1.weight has shape (3, 5, 3, 3) instead of (3, 4, 3, 3)."
    )
