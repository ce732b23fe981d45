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
    [
        *((3, (481, 321), (64, 64)), (1, (128, 128), (64, 64)), (5, (127, 400), (32, 64))),
        *((1, (400, 63), (64, 16)), (3, (16, 17), (8, 8))),
    ],
)
def test_crops_fit_the_picture(channels: int, size: tuple[int, int], crop: tuple[int, int]) -> None:
    spec = single_architecture(DEFAULT_NETWORK, REGISTRY, channels, size)
    assert spec.input.shape == (channels, *crop)
    assert spec.data.augment["transpose"] == (crop[0] == crop[1])
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


def test_a_picture_on_its_side(tmp_path: Path, tiny: Path) -> None:
    """Rows and columns are those of the upright picture, and crops those of each side."""
    picture = Image.effect_noise((40, 16), 50)
    exif = picture.getexif()
    exif[274] = 6  # turned by 90 degrees: 40 rows of 16 pixels
    picture.save(tmp_path / "a.jpg", exif=exif)
    denoise = denoiser_of(tmp_path / "a.jpg", REGISTRY, CPU, network=tiny)
    assert denoise(np.zeros((40, 16), np.uint8)).shape == (40, 16)


@pytest.mark.parametrize(("axes", "channels"), [("CYX", 3), ("TYX", 1), ("tyx", 1)])
def test_the_axes_that_the_user_says(tmp_path: Path, tiny: Path, axes: str, channels: int) -> None:
    pages = np.random.default_rng(0).integers(0, 256, (3, 40, 50), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    assert denoiser_of(tmp_path / "a.tif", REGISTRY, CPU, network=tiny, axes=axes).takes(channels)
    with pytest.raises(DataError, match="and --axes is YX"):
        denoiser_of(tmp_path / "a.tif", REGISTRY, CPU, network=tiny, axes="YX")


def plain(value: float, dtype: str, pixel: float | None = None) -> Any:
    """A picture of one value, but for a pixel."""
    values = np.full((40, 40), value, dtype)
    values[9, 9] = value if pixel is None else pixel
    return values


@pytest.mark.parametrize(
    "picture",
    [
        *(plain(0, "u1"), plain(255, "u1"), plain(65535, "u2"), plain(0, "u2", 65535)),
        *(plain(-7, "f4"), plain(0, "f4", 1), plain(1e14, "f4"), plain(-1e14, "f8", 1e14)),
    ],
)
def test_a_plain_picture_stays_what_it_is(tmp_path: Path, tiny: Path, picture: Any) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture)
    found = denoiser_of(tmp_path / "a.tif", REGISTRY, CPU, network=tiny)
    assert found.value_range is not None
    low, high = found.value_range.low, found.value_range.high
    assert low <= picture.min() <= picture.max() <= high
    assert np.isfinite(found(picture)).all()


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (
            plain(0, "f4", 3e38),
            "a value is 3e+38 at row 9, column 9. Values are finite numbers up to 1e15 times "
            "white, which is 1 here.",
        ),
        (
            plain(0, "f8", 1e300),
            "a value is 1e+300 at row 9, column 9. Values are finite numbers up to 1e15 times "
            "white, which is 1 here.",
        ),
        (
            plain(1, "f4", np.nan),
            "a value is nan at row 9, column 9. Values are finite numbers up to 1e15 times "
            "white, which is 1 here.",
        ),
        (
            plain(0, "f8", 1e-40),
            "its values are from 0 to 9.99995e-41, too close together to learn from. Save it in "
            "another unit, or say which value is white.",
        ),
        (
            np.zeros((1, 40), "u1"),
            "is 1 x 40 pixels (height x width), and 16 x 16 are needed to train on it.",
        ),
        (
            np.zeros((3, 3), "u1"),
            "is 3 x 3 pixels (height x width), and 16 x 16 are needed to train on it.",
        ),
    ],
)
def test_a_picture_that_teaches_nothing(
    tmp_path: Path, tiny: Path, picture: Any, message: str
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", picture)
    with pytest.raises(DataError) as caught:
        denoiser_of(tmp_path / "a.tif", REGISTRY, CPU, network=tiny)
    assert str(caught.value) == f"{tmp_path / 'a.tif'}: {message}"


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
