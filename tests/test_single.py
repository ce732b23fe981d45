"""A network trained on one picture: its crops, its range, and that it denoises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from zoo.errors import ArchitectureError, DataError, Stopped
from zoo.pictures.values import ValueRange
from zoo.plugins.registry import load_registry
from zoo.single import DEFAULT_NETWORK, Training, denoiser_of, single_architecture

pytest.importorskip("zoo_residual")
REGISTRY = load_registry()
CPU = torch.device("cpu")
TINY = """
format = 1
name = "tiny"
input = { channels = 3, height = 16, width = 16 }
layers = [{ type = "conv2d", out_channels = { var = "input.channels" }, kernel_size = 1 }]
data = { noise = "none", target = "neighbors", samples_per_epoch = 40 }
train = { batch_size = 4 }
"""


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(TINY)
    return tmp_path / "tiny.toml"


@pytest.mark.parametrize(
    ("channels", "size", "crop"),
    [(3, (481, 321), 64), (1, (128, 128), 64), (5, (127, 400), 32), (3, (16, 17), 8)],
)
def test_crops_fit_the_picture(channels: int, size: tuple[int, int], crop: int) -> None:
    spec = single_architecture(DEFAULT_NETWORK, REGISTRY, channels, size)
    assert spec.input.shape == (channels, crop, crop)
    assert spec.shapes.layers[-1].info.output_shape == spec.input.shape


def test_a_picture_that_is_too_small(tmp_path: Path) -> None:
    Image.new("L", (40, 15)).save(tmp_path / "a.png")
    with pytest.raises(DataError) as caught:
        denoiser_of(tmp_path / "a.png", REGISTRY, CPU)
    assert str(caught.value) == (
        f"{tmp_path / 'a.png'}: is 15 x 40 pixels (height x width), and 16 x 16 are needed to "
        "train on it."
    )


def test_a_network_of_two_views_is_refused(tiny: Path) -> None:
    tiny.write_text(TINY.replace('"neighbors"', '"noisy"'))
    with pytest.raises(ArchitectureError, match="is noisy, which takes two views"):
        single_architecture(tiny, REGISTRY, 3, (99, 99))


def test_it_removes_noise(tmp_path: Path) -> None:
    """A short training of zoo's own network takes most of the noise from a smooth picture."""
    draws = np.random.default_rng(0)
    y, x = np.mgrid[:96, :96] / 96
    clean = 128 + 60 * np.sin(6 * x) * np.cos(4 * y)
    noisy = clean + draws.normal(0, 20, clean.shape)
    tifffile.imwrite(tmp_path / "a.tif", (noisy * 16).astype(np.float32))
    text = DEFAULT_NETWORK.read_text()
    file = tmp_path / "short.toml"
    file.write_text(text.replace("3200", "240").replace("= 64", "= 32"))
    done: list[float] = []
    denoise = denoiser_of(tmp_path / "a.tif", REGISTRY, CPU, network=file, on_step=done.append)
    after = denoise((noisy * 16).astype(np.float32)) / 16
    assert np.sqrt(np.square(after - clean).mean()) < 10
    assert done == [(step + 1) / 60 for step in range(60)]
    assert denoise.value_range is not None
    assert denoise.value_range.high == pytest.approx(np.quantile(noisy * 16, 0.999), rel=1e-4)


def test_the_same_picture_gives_the_same_network(tmp_path: Path, tiny: Path) -> None:
    draws = np.random.default_rng(0)
    pages = draws.integers(0, 4096, (3, 40, 50), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "stack.tif", pages, photometric="minisblack")
    options: dict[str, Any] = {"network": tiny, "value_range": ValueRange(0, 4095)}
    one, other = (
        denoiser_of(tmp_path / "stack.tif", REGISTRY, CPU, **options)(pages, axes="TYX")
        for _ in range(2)
    )
    assert np.array_equal(one, other)


def test_training_can_be_stopped(tmp_path: Path, tiny: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "a.png")

    def stop(done: float) -> None:
        raise Stopped("stopped", 2)

    with pytest.raises(Stopped):
        denoiser_of(tmp_path / "a.png", REGISTRY, CPU, network=tiny, on_step=stop)


def test_minutes_decide_how_many_steps(tmp_path: Path, tiny: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "a.png")
    done: list[float] = []
    denoiser_of(
        tmp_path / "a.png", REGISTRY, CPU, network=tiny, minutes=1 / 60, on_step=done.append
    )
    assert len(done) > 10
    assert done[-1] == pytest.approx(1)
    done.clear()
    trained: list[Training] = []
    denoiser_of(
        *(tmp_path / "a.png", REGISTRY, CPU),
        network=tiny,
        minutes=1e-6,
        on_step=done.append,
        on_end=trained.append,
    )
    assert len(done) == 10
    assert (trained[0].steps, trained[0].usual > 10, trained[0].seconds > 0) == (10, True, True)
