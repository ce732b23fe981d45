from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from zoo.errors import DataError
from zoo.pictures import open_picture

ALLOWED = "Images are PNG, JPEG, TIFF, BMP or WebP files."


@pytest.mark.parametrize("samples", [3, 4])
def test_a_lossless_webp_stays_so(tmp_path: Path, again: Any, draw: Any, samples: int) -> None:
    path, pixels = tmp_path / "a.webp", draw(25, 37, samples)
    exif = Image.Exif()
    exif[274] = 6
    metadata: dict[str, Any] = {"exif": exif, "icc_profile": b"profile" * 9, "xmp": b"<x/>"}
    Image.fromarray(pixels).save(path, lossless=True, exact=True, **metadata)
    result = again(path)
    with Image.open(path) as given, Image.open(result.path) as found:
        assert np.array_equal(np.asarray(found), pixels)
        for name in ("exif", "icc_profile", "xmp"):
            assert found.info[name] == given.info[name]
    assert result.picture.orientation == 6
    assert (result.picture.remarks, result.remarks) == ([], [])


def test_alpha_of_a_lossy_webp_is_kept(tmp_path: Path, again: Any, draw: Any) -> None:
    path, pixels = tmp_path / "a.webp", draw(25, 37, 4)
    Image.fromarray(pixels).save(path, quality=80)
    result = again(path, quality=95)
    with Image.open(result.path) as found:
        assert np.array_equal(np.asarray(found)[..., 3], pixels[..., 3])
    assert b"VP8L" not in result.path.read_bytes()


@pytest.mark.parametrize("quality", [20, 60, 80, 95])
def test_a_lossy_webp_is_written_with_its_quality(tmp_path: Path, again: Any, quality: int) -> None:
    path = tmp_path / "a.webp"
    Image.fromarray(data.coffee()[::2, ::2]).save(path, quality=quality)
    result = again(path)
    assert abs(result.picture.quality - quality) <= 5
    assert abs(result.reread.quality - result.picture.quality) <= 5
    assert 0.8 < result.path.stat().st_size / path.stat().st_size < 1.25
    assert (result.picture.remarks, result.remarks) == ([], [])


def test_only_the_first_picture_of_an_animation(tmp_path: Path, again: Any, draw: Any) -> None:
    path, pixels = tmp_path / "a.webp", draw(25, 37, 3)
    frames = [Image.fromarray(pixels // part) for part in (1, 2)]
    frames[0].save(path, save_all=True, append_images=frames[1:], lossless=True)
    result = again(path)
    assert np.array_equal(result.found[0], pixels)
    assert result.picture.remarks == ["only the first picture of its animation is kept"]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_bmp(tmp_path: Path, again: Any, draw: Any, mode: str) -> None:
    path, pixels = tmp_path / "a.bmp", draw(25, 37, 4)
    image = Image.fromarray(pixels).convert(mode)
    image.convert("RGB" if mode == "RGBA" else mode).save(path, dpi=(300, 150))
    if mode == "RGBA":  # Pillow writes no alpha
        image.save(tmp_path / "a.png", dpi=(300, 150))
        path = again(tmp_path / "a.png", name="a.bmp", format="BMP").path
    result = again(path)
    with Image.open(result.path) as found:
        assert (found.mode, found.format) == (mode, "BMP")
        assert np.array_equal(np.asarray(found), np.asarray(image))
        assert found.info["dpi"] == pytest.approx((300, 150), rel=1e-3)
    assert (result.picture.remarks, result.remarks) == ([], [])


def test_the_palette_of_a_bmp_becomes_rgb(tmp_path: Path, again: Any, draw: Any) -> None:
    image = Image.fromarray(draw(25, 37, 3)).quantize(50)
    image.save(tmp_path / "a.bmp")
    result = again(tmp_path / "a.bmp")
    assert np.array_equal(result.found[0], np.asarray(image.convert("RGB")))
    assert result.picture.remarks == ["its palette is converted to RGB"]


@pytest.mark.parametrize("suffix", ["bmp", "webp"])
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.95])
def test_a_truncated_file(tmp_path: Path, draw: Any, suffix: str, kept: float, capfd: Any) -> None:
    path, stream = tmp_path / f"a.{suffix}", BytesIO()
    Image.fromarray(draw(64, 64, 3)).save(stream, suffix.upper())
    path.write_bytes(stream.getvalue()[: int(len(stream.getvalue()) * kept)])
    with pytest.raises(DataError) as caught, open_picture(path) as picture:
        list(picture.planes())
    assert str(caught.value) == f"{path}: damaged, or not a file of this kind. {ALLOWED}"
    assert capfd.readouterr().err == ""
