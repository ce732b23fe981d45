from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import get_sampling

from zoo.errors import DataError
from zoo.pictures import open_picture
from zoo.pictures.jpeg_segments import split

ALLOWED = "Images are PNG, JPEG, TIFF, BMP or WebP files."


def smooth(height: int, width: int, channels: int) -> np.ndarray[Any, Any]:
    values = np.linspace(0, 255, height * width).reshape(height, width, 1)
    return (values + np.arange(channels) * 20).clip(0, 255).astype(np.uint8)


def exif(orientation: int = 6) -> Image.Exif:
    block = Image.Exif()
    block[274], block[271] = orientation, "Maker"
    block.get_ifd(34665)[37500] = b"maker note \0\1\2" * 50
    return block


@pytest.mark.parametrize("quality", [30, 75, 98])
@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_it_is_encoded_as_it_was(
    tmp_path: Path, again: Any, quality: int, subsampling: str, progressive: bool
) -> None:
    path = tmp_path / "a.jpg"
    options = {"quality": quality, "subsampling": subsampling, "progressive": progressive}
    Image.fromarray(smooth(40, 56, 3)).save(path, **options)
    result = again(path)
    with Image.open(path) as given, Image.open(result.path) as found:
        assert np.array_equal(result.planes[0], np.asarray(given))
        assert found.quantization == given.quantization
        assert get_sampling(found) == get_sampling(given)
        assert found.info.get("progressive") == given.info.get("progressive")
        assert np.abs(np.asarray(found).astype(int) - np.asarray(given)).mean() < 2
    assert (result.picture.remarks, result.remarks) == ([], [])


def test_grey_stays_grey_and_quality_can_be_given(tmp_path: Path, again: Any) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth(40, 56, 1)[..., 0]).save(path, quality=30)
    Image.fromarray(smooth(40, 56, 1)[..., 0]).save(tmp_path / "b.jpg", quality=90)
    result = again(path, quality=90)
    with Image.open(result.path) as found, Image.open(tmp_path / "b.jpg") as expected:
        assert found.mode == "L"
        assert found.quantization == expected.quantization


def test_colours_that_are_stored_as_rgb_stay_so(tmp_path: Path, again: Any, draw: Any) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(draw(40, 56, 3)).save(path, quality=100, keep_rgb=True)
    result = again(path)
    with Image.open(path) as given, Image.open(result.path) as found:
        assert found.info["adobe_transform"] == given.info["adobe_transform"] == 0
        assert np.abs(np.asarray(found).astype(int) - np.asarray(given)).max() <= 2


def test_noise_that_is_too_large_for_progressive_scans(
    tmp_path: Path, again: Any, draw: Any, capfd: Any
) -> None:
    path, noise = tmp_path / "a.jpg", draw(300, 400, 3)
    tables = [[1] * 64] * 2
    image = Image.fromarray(smooth(300, 400, 3))
    image.save(path, qtables=tables, subsampling=0, progressive=True)
    result = again(path, lambda plane: noise)
    assert result.remarks == ["it is written without progressive scans: it is too large for them"]
    assert np.abs(result.found[0].astype(int) - noise).mean() < 1
    assert capfd.readouterr().err == ""


def test_what_is_not_pixels_is_kept_byte_for_byte(tmp_path: Path, again: Any) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth(40, 56, 3)).save(
        path,
        exif=exif(),
        icc_profile=bytes(range(256)) * 600,
        xmp=b"<x:xmpmeta/>",
        comment=b"a comment",
        dpi=(300, 150),
    )
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xed\0\x0ePhotoshop 3." + data[2:])
    result = again(path)

    def others(data: bytes) -> list[Any]:
        return [item for item in split(data)[0] if item.marker >= 0xE0]

    assert len(others(path.read_bytes())) == 8  # APP13, JFIF, EXIF, XMP, three of ICC, a comment
    assert others(result.path.read_bytes()) == others(path.read_bytes())
    assert result.picture.orientation == 6
    assert result.picture.metadata.dpi == (300, 150)
    assert result.picture.metadata.icc == bytes(range(256)) * 600
    assert result.found[0].shape == (40, 56, 3)  # not turned


@pytest.mark.parametrize(
    "block", [b"Exif\0\0not exif", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0"]
)
def test_damaged_exif_is_kept(tmp_path: Path, again: Any, block: bytes) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth(40, 56, 3)).save(path, exif=block)
    result = again(path)
    assert block in result.path.read_bytes()
    assert result.picture.orientation == 1


def test_what_follows_the_picture_is_said(tmp_path: Path, again: Any) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth(40, 56, 3)).save(path)
    data = path.read_bytes()
    path.write_bytes(data + data)
    result = again(path)
    assert result.picture.remarks == [
        f"{len(data)} bytes after the picture (another one, a film) are left out"
    ]
    assert result.reread.remarks == []


def test_cmyk_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.new("CMYK", (8, 8)).save(path)
    with pytest.raises(DataError) as caught:
        open_picture(path)
    convert = "Convert it to PNG or TIFF, grey or RGB."
    assert str(caught.value) == f"{path}: its colours are CMYK. {convert}"


@pytest.mark.parametrize("kept", [3, 200, 0.5, 0.95])
def test_a_truncated_jpeg(tmp_path: Path, draw: Any, kept: float, capfd: Any) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(draw(40, 56, 3)).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept if kept > 1 else len(data) * kept)])
    with pytest.raises(DataError) as caught, open_picture(path) as picture:
        list(picture.planes())
    assert str(caught.value) == f"{path}: damaged, or not a file of this kind. {ALLOWED}"
    assert capfd.readouterr().err == ""
