from __future__ import annotations

import struct
from itertools import product
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import Image

from zoo.pictures import open_picture

TYPES = [("u1", 8), ("u2", 16), ("u2", 10), ("u2", 12), ("f2", 16), ("f4", 32), ("f8", 64)]
COMPRESSIONS = [(None, None), ("lzw", True), ("deflate", False), ("zstd", None)]
WAYS = [
    way
    for way in product(TYPES, COMPRESSIONS, (None, (16, 32)), "<>")
    if way[0][1] % 8 == 0 or way[1][0] is None  # tifffile packs only without compression
]
HEIGHT, WIDTH = 25, 37


def pack(pixels: np.ndarray[Any, Any], bits: int) -> bytes:
    """Rows of packed values."""
    return bytes(imagecodecs.packints_encode(pixels.ravel(), bits, runlen=pixels[0].size))


@pytest.mark.parametrize("separate", [False, True], ids=["interleaved", "planar"])
@pytest.mark.parametrize("channels", [1, 4])
def test_every_way_of_storing_is_kept(
    tmp_path: Path, again: Any, draw: Any, channels: int, separate: bool
) -> None:
    """True values, and the tags that say how they are stored."""
    if separate and channels == 1:
        pytest.skip("one channel has no order")
    for number, ((dtype, bits), (compression, predictor), tile, order) in enumerate(WAYS):
        if (dtype, predictor, order) == ("f8", True, ">"):
            continue
        pixels = draw(HEIGHT, WIDTH, channels, dtype=dtype, bits=bits)
        stored = np.moveaxis(pixels, -1, 0) if separate else pixels
        options: dict[str, Any] = {
            **{"photometric": "rgb" if channels > 1 else "minisblack", "byteorder": order},
            **{"compression": compression, "predictor": predictor, "tile": tile},
        }
        if channels > 1:
            options["planarconfig"] = "separate" if separate else "contig"
        if channels == 4:
            options["extrasamples"] = ["unassalpha"]
        data: Any = np.ascontiguousarray(stored[..., 0] if channels == 1 else stored)
        if bits % 8:
            if order == ">" or tile:  # tifffile packs big-endian values wrongly
                continue
            options["bitspersample"] = bits
        path = tmp_path / f"{number}.tif"
        tifffile.imwrite(path, data, metadata=None, **options)
        result = again(path)
        assert result.picture.white == (1.0 if dtype[0] == "f" else 2**bits - 1)
        assert np.array_equal(
            result.planes[0], (pixels[..., 0] if channels == 1 else pixels[..., :3])
        )
        with tifffile.TiffFile(path) as given, tifffile.TiffFile(result.path) as found:
            assert np.array_equal(found.asarray(), data), options
            for name in ("compression", "predictor", "tile", "planarconfig", "bitspersample"):
                assert getattr(found.pages[0], name) == getattr(given.pages[0], name), options
            assert found.byteorder == given.byteorder
            assert found.pages[0].extrasamples == given.pages[0].extrasamples
        assert (result.picture.remarks, result.remarks) == ([], [])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [10, 12, 14])
@pytest.mark.parametrize("rows", [4, 25])
def test_packed_values_of_both_byte_orders(
    tmp_path: Path, again: Any, draw: Any, order: Any, bits: int, rows: int
) -> None:
    pixels = draw(HEIGHT, WIDTH, 3, dtype="u2", bits=bits)
    strips = (pack(pixels[top : top + rows], bits) for top in range(0, HEIGHT, rows))
    path = tmp_path / "a.tif"
    options = {"shape": pixels.shape, "dtype": "u2", "photometric": "rgb", "byteorder": order}
    tifffile.imwrite(path, strips, bitspersample=bits, rowsperstrip=rows, metadata=None, **options)
    result = again(path)
    assert np.array_equal(result.planes[0], pixels)
    assert np.array_equal(result.found[0], pixels)
    assert result.reread.white == result.picture.white == 2**bits - 1


def test_a_container_of_16_bits_is_of_16_bits(tmp_path: Path, draw: Any) -> None:
    tifffile.imwrite(tmp_path / "a.tif", draw(4, 5, dtype="u2", bits=12))
    with open_picture(tmp_path / "a.tif") as picture:
        assert picture.white == 65535


def test_packed_and_compressed_becomes_packed(tmp_path: Path, again: Any, draw: Any) -> None:
    pixels = draw(HEIGHT, 16, dtype="u2", bits=12)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, pixels, bitspersample=12, photometric="minisblack", metadata=None)
    data = path.read_bytes()
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        place = page.tags[259].valueoffset
        packed = data[page.dataoffsets[0] :][: page.databytecounts[0]]
        count = page.tags[279].valueoffset
        start = page.dataoffsets[0]
    small = imagecodecs.packbits_encode(packed)
    changed = bytearray(data[:start] + small)
    changed[place : place + 2] = (32773).to_bytes(2, "little")
    changed[count : count + 4] = len(small).to_bytes(4, "little")
    path.write_bytes(changed)
    result = again(path)
    assert np.array_equal(result.planes[0], pixels)
    assert np.array_equal(result.found[0], pixels)
    assert result.reread.white == 4095
    assert result.remarks == ["it is written without compression, to keep its 12 bits"]


@pytest.mark.parametrize("compression", ["packbits", "lzma", "jpegxl", "lerc"])
def test_other_compressions(tmp_path: Path, again: Any, draw: Any, compression: str) -> None:
    pixels = draw(HEIGHT, WIDTH)
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression=compression)
    result = again(tmp_path / "a.tif")
    assert np.array_equal(result.found[0], result.planes[0])
    kept = compression in ("packbits", "lzma")
    name = compression.upper()
    assert result.remarks == (
        [] if kept else [f"it is written with Deflate in place of {name}, without loss"]
    )


@pytest.mark.parametrize("kind", ["assocalpha", "unassalpha"])
@pytest.mark.parametrize("channels", [1, 3])
def test_alpha_of_both_kinds(
    tmp_path: Path, again: Any, draw: Any, kind: str, channels: int
) -> None:
    pixels = draw(HEIGHT, WIDTH, channels + 1)
    path = tmp_path / "a.tif"
    photometric = "rgb" if channels == 3 else "minisblack"
    options = {"photometric": photometric, "extrasamples": [kind], "planarconfig": "contig"}
    tifffile.imwrite(path, pixels, **options)
    result = again(path, lambda plane: plane // 2)
    with tifffile.TiffFile(result.path) as tiff:
        assert np.array_equal(tiff.asarray()[..., -1], pixels[..., -1])
        assert np.array_equal(tiff.asarray()[..., :-1], pixels[..., :-1] // 2)
        assert [extra.name for extra in tiff.pages[0].extrasamples] == [kind.upper()]


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_white_may_be_zero(tmp_path: Path, again: Any, draw: Any, dtype: str) -> None:
    stored = draw(HEIGHT, WIDTH, dtype=dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="miniswhite")
    result = again(tmp_path / "a.tif")
    assert np.array_equal(result.planes[0], np.iinfo(dtype).max - stored)
    with tifffile.TiffFile(result.path) as tiff:
        assert tiff.pages[0].photometric.name == "MINISWHITE"
        assert np.array_equal(tiff.asarray(), stored)


def test_a_palette_becomes_rgb(tmp_path: Path, again: Any, draw: Any) -> None:
    values, colours = draw(HEIGHT, WIDTH), draw(3, 256).astype("u2") * 257
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="palette", colormap=colours)
    result = again(tmp_path / "a.tif")
    assert np.array_equal(result.found[0], np.moveaxis(colours[:, values] >> 8, 0, -1))
    assert result.picture.remarks == ["its palette is converted to RGB"]


def test_ycbcr_becomes_rgb(tmp_path: Path, again: Any, draw: Any) -> None:
    image = Image.fromarray(draw(HEIGHT, WIDTH, 3)).convert("YCbCr")
    image.save(tmp_path / "a.tif")
    result = again(tmp_path / "a.tif")
    expected = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(result.found[0].astype(int) - expected).max() <= 1
    assert result.picture.remarks == ["its YCbCr is converted to RGB"]


def test_jpeg_in_a_tiff_is_written_without_a_second_loss(
    tmp_path: Path, again: Any, draw: Any
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", draw(32, 48, 3), photometric="rgb", compression="jpeg")
    result = again(tmp_path / "a.tif")
    assert np.array_equal(result.planes[0], tifffile.imread(tmp_path / "a.tif"))
    assert np.array_equal(result.found[0], result.planes[0])
    assert result.remarks == ["it is written with Deflate in place of JPEG, without loss"]


def test_one_bit_becomes_8(tmp_path: Path, again: Any, draw: Any) -> None:
    values = draw(HEIGHT, WIDTH, bits=1).astype(bool)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
    result = again(tmp_path / "a.tif")
    assert np.array_equal(result.found[0], values * np.uint8(255))
    assert result.picture.remarks == ["its 1-bit values are written with 8 bits"]


def exif() -> Image.Exif:
    block = Image.Exif()
    block[274], block[271], block[306] = 6, "Maker", "2026:01:02 03:04:05"
    block.get_ifd(34665).update({33434: (1, 100), 37500: b"maker note" * 30})
    block.get_ifd(34853).update({1: "N", 2: (1.0, 2.0, 3.0)})
    return block


@pytest.mark.parametrize("big", [False, True])
def test_tags_of_all_kinds_are_kept(tmp_path: Path, again: Any, draw: Any, big: bool) -> None:
    path = tmp_path / "a.tif"
    options = {"icc_profile": b"profile" * 50, "dpi": (300.5, 72), "big_tiff": big}
    Image.fromarray(draw(HEIGHT, WIDTH, 3)).save(path, exif=exif(), **options)
    first = again(path)
    with tifffile.TiffFile(path) as given, tifffile.TiffFile(first.path) as found:
        assert found.is_bigtiff == big
        places = {"StripOffsets", "ExifTag", "GPSTag"}
        values = [
            {tag.name: tag.value for tag in tiff.pages[0].tags if tag.name not in places}
            for tiff in (given, found)
        ]
        assert values[0] == values[1]
        assert {"Make", "XResolution", "InterColorProfile", "Orientation"} <= set(values[0])
    assert first.reread.orientation == 6
    assert first.reread.metadata == first.picture.metadata


def test_a_resolution_that_is_no_number(tmp_path: Path, again: Any, draw: Any) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, draw(HEIGHT, WIDTH), resolution=(3, 4), metadata=None)
    with tifffile.TiffFile(path) as tiff:
        place = tiff.pages[0].tags[282].valueoffset
    data = bytearray(path.read_bytes())
    data[place + 4 : place + 8] = bytes(4)
    path.write_bytes(data)
    result = again(path)
    assert result.picture.metadata.dpi is None
    assert np.array_equal(result.found[0], result.planes[0])


def test_the_directories_of_exif_are_kept(tmp_path: Path, again: Any, draw: Any) -> None:
    """Of a JPEG, in a TIFF, in a TIFF again."""
    path = tmp_path / "a.jpg"
    Image.fromarray(draw(HEIGHT, WIDTH, 3)).save(path, exif=exif())
    result = again(again(path, name="b.tif", format="TIFF").path)
    with Image.open(path) as given, Image.open(result.path) as found:
        for directory in (34665, 34853):
            assert found.getexif().get_ifd(directory) == given.getexif().get_ifd(directory) != {}
    assert result.reread.metadata.exif == result.picture.metadata.exif != b""


def test_a_damaged_exif_is_said(tmp_path: Path, again: Any, draw: Any) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(draw(HEIGHT, WIDTH, 3)).save(path, exif=exif())
    tiff = again(path, name="b.tif", format="TIFF").path
    data = bytearray(tiff.read_bytes())
    order = "<" if data.startswith(b"II") else ">"
    place = data.index(struct.pack(f"{order}HHI", 34665, 4, 1)) + 8
    data[place : place + 4] = struct.pack(f"{order}I", len(data) + 1000)
    tiff.write_bytes(data)
    result = again(tiff)
    assert np.array_equal(result.found[0], result.planes[0])
    assert result.picture.remarks == ["its EXIF is damaged and left out"]


def test_samples_of_no_meaning_stay_beside_rgb(tmp_path: Path, again: Any, draw: Any) -> None:
    pixels = draw(HEIGHT, WIDTH, 5)
    options = {"photometric": "rgb", "extrasamples": [0, 0], "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", pixels, **options)
    result = again(tmp_path / "a.tif", lambda plane: 255 - plane)
    assert np.array_equal(tifffile.imread(result.path)[..., 3:], pixels[..., 3:])
    assert np.array_equal(tifffile.imread(result.path)[..., :3], 255 - pixels[..., :3])
    assert result.picture.remarks == ["further channels than RGB are kept as they are"]
