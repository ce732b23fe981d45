from __future__ import annotations

import errno
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from zoo.errors import ArgumentError, DataError, WriteError
from zoo.pictures import open_picture, write_picture

FORMATS = ["PNG", "JPEG", "TIFF", "BMP", "WEBP"]


def source(path: Path, pixels: np.ndarray[Any, Any]) -> Path:
    """A PNG of samples, or a TIFF of a stack."""
    if pixels.ndim == 3 and pixels.shape[2] > 4:
        tifffile.imwrite(path, pixels, photometric="minisblack", metadata=None)
    else:
        path.write_bytes(imagecodecs.png_encode(pixels))
    return path


@pytest.mark.parametrize("given", FORMATS)
@pytest.mark.parametrize("wanted", FORMATS)
def test_pixels_and_metadata_in_another_format(
    tmp_path: Path, again: Any, given: str, wanted: str
) -> None:
    values = np.linspace(0, 255, 24 * 32).reshape(24, 32, 1).repeat(3, axis=2).astype(np.uint8)
    exif = Image.Exif()
    exif[274], exif[271] = 6, "Maker"
    exif.get_ifd(34665)[33434] = (1, 100)
    options: dict[str, Any] = {"exif": exif, "icc_profile": b"p" * 500, "dpi": (300, 150)}
    if given == "WEBP":
        options["lossless"] = True
    path = tmp_path / f"a.{given}"
    if given == "TIFF":
        Image.fromarray(values).save(tmp_path / "b.png", **options)
        path = again(tmp_path / "b.png", name="a.tif", format="TIFF").path
    else:
        Image.fromarray(values).save(path, given, **options)
    result = again(path, name="result", format=wanted)
    assert result.reread.format == wanted
    difference = np.abs(result.found[0].astype(int) - result.planes[0])
    assert difference.max() <= (3 if wanted == "JPEG" else 0)
    if "BMP" in (given, wanted):
        return
    assert result.reread.metadata.icc == result.picture.metadata.icc == b"p" * 500
    assert result.reread.orientation == 6
    with Image.open(result.path) as image:
        assert image.getexif()[271] == "Maker"
        assert image.getexif().get_ifd(34665)[33434] == (1, 100)
    if "WEBP" not in (given, wanted):
        assert result.reread.metadata.dpi == pytest.approx((300, 150), rel=1e-3)


@pytest.mark.parametrize(
    ("depth", "factor", "dtype"), [(8, 255, "u1"), (12, 4095, "u2"), ("float", 1, "f4")]
)
def test_another_depth(
    tmp_path: Path, again: Any, draw: Any, depth: Any, factor: int, dtype: str
) -> None:
    pixels = draw(24, 32, 4, dtype="u2")
    path = source(tmp_path / "a.png", pixels)
    result = again(path, format="TIFF", depth=depth)
    written = tifffile.imread(result.path)
    expected = pixels / 65535 * factor
    assert written.dtype == dtype
    tolerance = 1e-6 if depth == "float" else 0.5
    np.testing.assert_allclose(written, expected, atol=tolerance, rtol=0)
    assert result.reread.white == factor


def test_floats_are_rounded_once(tmp_path: Path, again: Any, draw: Any) -> None:
    path = source(tmp_path / "a.png", draw(24, 32))
    floats = draw(24, 32, dtype="f4")
    result = again(path, lambda plane: floats, depth=16)
    assert np.array_equal(result.found[0], (floats.astype(float) * 65535).round())


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught, open_picture(path) as picture:
        write_picture(path.with_name("out"), picture, picture.planes(), **options)
    assert not path.with_name("out").exists()
    return str(caught.value).removeprefix(f"{path}: cannot be written as ")


def test_what_a_format_cannot_hold(tmp_path: Path, draw: Any) -> None:
    deep = source(tmp_path / "deep.png", draw(4, 5, dtype="u2"))
    for name in ("JPEG", "BMP", "WEBP"):
        assert refused(deep, format=name) == (
            f"{name}, with values of 16 bits. It holds 8 bits: give --depth 8."
        )
    assert refused(deep, depth=12) == (
        "PNG, with values of 12 bits. It holds 8 or 16 bits: give --depth 16."
    )
    assert refused(deep, depth="float") == (
        "PNG, with values of float of 32 bits. It holds 8 or 16 bits: give --depth 16."
    )
    alpha = source(tmp_path / "alpha.png", draw(4, 5, 4))
    assert refused(alpha, format="JPEG") == "JPEG, with alpha. PNG, TIFF and WEBP hold it."
    stack = source(tmp_path / "stack.tif", draw(3, 4, 5))
    assert refused(stack, format="PNG") == (
        "PNG, with 3 planes. It holds one; a TIFF holds them all."
    )
    wide = source(tmp_path / "wide.png", np.zeros((1, 16384), np.uint8))
    assert refused(wide, format="WEBP") == "WEBP, with 16384 pixels on a side. It holds 16383."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"format": "GIF"}, "format: 'GIF'. Allowed are PNG, JPEG, TIFF, BMP, WEBP."),
        ({"depth": 7}, "depth: 7. Allowed are 8 to 16, and 'float'."),
        ({"quality": 0}, "quality: 0. It is 1 to 100."),
        ({"planes": 0}, "planes: 0 of 1 planes. Give each once."),
        ({"planes": 2}, "planes: more than 1. Give each once."),
        ({"dtype": "u2"}, "planes: uint16. Allowed are uint8, and floats."),
        ({"shape": (4, 5, 3)}, "planes: shape (4, 5, 3). Plane 1 has (4, 5)."),
        ({"shape": (4, 6)}, "planes: shape (4, 6). Plane 1 has (4, 5)."),
    ],
)
def test_arguments_that_cannot_be(
    tmp_path: Path, draw: Any, options: dict[str, Any], message: str
) -> None:
    path = source(tmp_path / "a.png", draw(4, 5))
    plane = np.zeros(options.pop("shape", (4, 5)), options.pop("dtype", "u1"))
    planes = [plane] * options.pop("planes", 1)
    with pytest.raises(ArgumentError) as caught, open_picture(path) as picture:
        write_picture(tmp_path / "out", picture, planes, **options)
    assert str(caught.value) == message
    assert sorted(tmp_path.iterdir()) == [path]


def test_the_picture_itself_can_be_replaced(tmp_path: Path, draw: Any) -> None:
    path, pixels = tmp_path / "a.tif", draw(3, 24, 32)
    tifffile.imwrite(path, pixels, photometric="minisblack", metadata=None)
    with open_picture(path) as picture:
        write_picture(path, picture, (255 - plane for plane in picture.planes()))
    assert np.array_equal(tifffile.imread(path), 255 - pixels)
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file(
    tmp_path: Path, draw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, target = source(tmp_path / "a.png", draw(24, 32)), tmp_path / "b.png"
    target.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_picture(path) as picture:
        monkeypatch.setattr("os.fsync", full)
        with pytest.raises(WriteError) as caught:
            write_picture(target, picture, picture.planes())
        assert str(caught.value) == f"{target}: cannot be written: No space left on device."
        missing = tmp_path / "missing" / "b.png"
        with pytest.raises(WriteError) as caught:
            write_picture(missing, picture, picture.planes())
        assert str(caught.value) == f"{missing}: cannot be written: No such file or directory."
    assert target.read_bytes() == b"old"
    assert sorted(tmp_path.iterdir()) == [path, target]


def test_a_damaged_picture_leaves_no_file(tmp_path: Path, draw: Any) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, draw(3, 24, 32), compression="lzw", photometric="minisblack")
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages[2].dataoffsets[0]
    path.write_bytes(path.read_bytes()[: place + 5])
    with pytest.raises(DataError), open_picture(path) as picture:
        write_picture(tmp_path / "out.tif", picture, picture.planes())
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", FORMATS)
def test_streams(tmp_path: Path, draw: Any, name: str) -> None:
    pixels = draw(24, 32, 3)
    written = BytesIO()
    with open_picture(BytesIO(imagecodecs.png_encode(pixels))) as picture:
        write_picture(written, picture, picture.planes(), format=name)
    with open_picture(BytesIO(written.getvalue())) as picture:
        assert picture.format == name
        (plane,) = picture.planes()
    assert name == "JPEG" or np.array_equal(plane, pixels)


class Closed(BytesIO):
    """A pipe that nobody reads."""

    def write(self, data: Any) -> int:
        raise OSError(errno.EPIPE, "Broken pipe")


def test_a_pipe_that_nobody_reads(tmp_path: Path, draw: Any) -> None:
    path = source(tmp_path / "a.png", draw(4, 5))
    with pytest.raises(WriteError) as caught, open_picture(path) as picture:
        write_picture(Closed(), picture, picture.planes())
    assert str(caught.value) == "<stdout>: cannot be written: Broken pipe."
