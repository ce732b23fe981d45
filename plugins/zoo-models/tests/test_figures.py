"""Each model is the one whose figures its card has: measured again on the demo's photograph."""

from __future__ import annotations

import pytest
import torch

pytest.importorskip("zoo_models", reason="the plugin zoo-models is not installed")

from zoo_models import plugin

from zoo.data.evaluation import evaluation_images
from zoo.data.noise.gaussian import Gaussian
from zoo.data.sources.demo import Demo
from zoo.describe.model_card import read_card
from zoo.plugins.discovery import discover
from zoo.plugins.registry import load_registry
from zoo.train.checkpoint import is_for_inference, load_checkpoint
from zoo.train.evaluation import denoised
from zoo.train.metrics import mean_psnr, squared_error
from zoo.train.session import load_trained

ENTRIES = {entry.name: entry for entry in plugin.zoo_models()}
TOLERANCE = 0.02  # dB: sums in another order, on another machine


@pytest.mark.parametrize("name", ENTRIES)
def test_the_figures_on_the_demo(name: str) -> None:
    entry = ENTRIES[name]
    registry = load_registry(discover({}))
    compiler, network = load_trained(entry.verified_path(), registry)
    demo = Demo(compiler.architecture.input.channels)
    pictures = demo.take([demo.names.index("chelsea")])
    rows = [
        row for row in read_card(entry).fields["measured"]["psnr"] if row["pictures"] == "chelsea"
    ]
    assert [row["sigma"] for row in rows] == [15, 25, 50]
    for row in rows:
        images = evaluation_images(pictures, Gaussian(row["sigma"]), row["seed"])
        outputs = denoised(network, images, torch.device("cpu"))
        pairs = zip(outputs, images, strict=True)
        psnr = mean_psnr([squared_error(y.clamp(0, 1), image.reference) for y, image in pairs])
        assert psnr == pytest.approx(row["dB"]["model"], abs=TOLERANCE)


@pytest.mark.parametrize("name", ENTRIES)
def test_the_weights_are_for_inference_and_name_no_folder(name: str) -> None:
    content = load_checkpoint(ENTRIES[name].verified_path())
    assert is_for_inference(content)
    source = [line for line in content["architecture"].splitlines() if "folder" in line]
    assert source == ['# data.source.folder was "free_photos"']
