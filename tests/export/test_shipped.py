"""All shipped architectures, in each format."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from zoo.export.agreement import network_outputs, noise
from zoo.export.files import export
from zoo.export.runtime import Session
from zoo.export.target import Target
from zoo.export.trained import Trained
from zoo.plugins.registry import load_registry

ROOT = Path(__file__).parents[2]
SHIPPED = sorted(ROOT.glob("architectures/*.toml"))
SIZES = [(1, 1), (1, 5), (2, 3), (7, 4), (37, 66)]


@pytest.fixture(params=SHIPPED, ids=lambda path: path.stem)
def shipped(
    request: pytest.FixtureRequest,
    make: Callable[..., Trained],
    monkeypatch: pytest.MonkeyPatch,
) -> Trained:
    text = request.param.read_text("utf-8")
    plugins = re.findall(r'^plugins = \["(.*)"\]', text, re.MULTILINE)
    for plugin in plugins:
        if find_spec(plugin.replace("-", "_")) is None:
            pytest.skip(f"{plugin} is not installed")
    monkeypatch.setenv("ZOO_PLUGINS", ",".join(plugins))
    return make(text, ",".join(plugins), request.param.parent)


def test_nine_are_shipped() -> None:
    assert len(SHIPPED) == 9


def test_onnx_gives_the_same_at_every_size(shipped: Trained, tmp_path: Path) -> None:
    said = export(shipped, Target(tmp_path / "a.onnx", "onnx"))
    assert said[0] == "ONNX, opset 18, images of any size, values in [0, 1]"
    session = Session(tmp_path / "a.onnx")
    images = [noise(2, 3, *size) for size in SIZES]
    for image, expected in zip(images, network_outputs(shipped, images), strict=True):
        limit = 1e-5 * max(1.0, expected.abs().max().item())
        torch.testing.assert_close(session(image), expected, rtol=0, atol=limit)


def test_safetensors(shipped: Trained, tmp_path: Path) -> None:
    (said,) = export(shipped, Target(tmp_path / "a.safetensors", "safetensors"))
    count = len(shipped.network.state_dict())
    assert said == f"{count} tensors, read again: the same bit for bit"


@pytest.mark.slow
def test_torch(shipped: Trained, tmp_path: Path) -> None:
    export(shipped, Target(tmp_path / "a.pt", "torch"))
    state = torch.load(tmp_path / "a.pt", weights_only=True)
    assert list(state) == list(shipped.network.state_dict())


@pytest.mark.slow
def test_darktable(shipped: Trained, tmp_path: Path) -> None:
    said = export(shipped, Target(tmp_path / "a.dtmodel", "dtmodel"))
    assert said[0] == "denoise-a for darktable: ONNX, opset 20, 1x3x768x768"


PADDED = """
format = 1
name = "padded"
input = { channels = 3, height = 16, width = 16 }

[[layers]]
type = "reflect_pad"
multiple = [4, 3]

[[layers.body]]
type = "skip"
body = [{ type = "conv2d", out_channels = 2, kernel_size = 1 }, { type = "leaky_relu" }]

[[layers]]
type = "conv2d"
out_channels = 3
kernel_size = 1
"""


def test_classes_of_a_plugin_are_copied(
    make: Callable[..., Trained], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("zoo_unet", reason="zoo-unet is not installed")
    monkeypatch.setenv("ZOO_PLUGINS", "zoo-unet")
    padded = make(PADDED, "zoo-unet")
    target = Target(tmp_path / "a.pt", "torch")
    export(padded, target)
    text = target.source.read_text("utf-8")
    assert re.findall(r"^class (\w+)", text, re.MULTILINE) == ["ReflectPad", "Skip", "Denoiser"]
    monkeypatch.syspath_prepend(str(tmp_path))
    denoiser = import_module("a_model").Denoiser()
    monkeypatch.delitem(sys.modules, "a_model")
    denoiser.load_state_dict(torch.load(target.path, weights_only=True), strict=True)
    images = [noise(2, 3, *size) for size in SIZES]
    with torch.no_grad():
        for image, expected in zip(images, network_outputs(padded, images), strict=True):
            torch.testing.assert_close(denoiser(image), expected, rtol=0, atol=1e-5)


def test_all_layers_say_how_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of zoo, and of the plugins kept here."""
    kept = {path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml")}
    monkeypatch.setenv("ZOO_PLUGINS", ",".join(kept))
    layers = [
        item
        for item in load_registry()
        if item.entry.kind == "layer" and item.provider.distribution in {"zoo", *kept}
    ]
    assert len(layers) >= 7
    assert [item.entry.name for item in layers if item.entry.load_onnx() is None] == []  # type: ignore[attr-defined]  # layers have it
