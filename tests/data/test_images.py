from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageOps

from zoo.data.decode import read_header
from zoo.data.images import read_image, read_images, training_bytes
from zoo.errors import DataError
from zoo.pictures.values import ValueRange

ALLOWED = "Images are PNG, JPEG, TIFF, BMP or WebP files."
HEIGHT, WIDTH = 6, 9


def random_values(*channels: int, dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    high = np.iinfo(dtype).max
    values = np.random.default_rng(0).integers(0, high, (HEIGHT, WIDTH, *channels), endpoint=True)
    return values.astype(dtype)


def planes(pixels: np.ndarray[Any, Any]) -> torch.Tensor:
    """(H, W) or (H, W, C) as (C, H, W)."""
    pixels = pixels if pixels.ndim == 3 else pixels[..., None]
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def only(path: Path, channels: int) -> torch.Tensor:
    (image,) = read_image(path, channels)
    return image


def message(path: Path, channels: int = 3) -> str:
    with pytest.raises(DataError) as caught:
        read_image(path, channels)
    return str(caught.value)


# Finding


# Formats


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif", "webp"])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossless_8_bit_files_are_read_exactly(tmp_path: Path, suffix: str, channels: int) -> None:
    pixels = random_values(3) if channels == 3 else random_values()
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(pixels).save(path, lossless=True)  # an option of WebP, ignored by the others
    image = only(path, channels)
    assert image.dtype == torch.uint8
    if (suffix, channels) == ("webp", 1):  # WebP has no grey: it is stored as equal R, G and B
        torch.testing.assert_close(image, planes(pixels), atol=1, rtol=0)
    else:
        assert torch.equal(image, planes(pixels))


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "JPG"])
def test_jpeg_is_read_as_pillow_decodes_it(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image.{suffix}"
    Image.fromarray(random_values(3)).save(path, "JPEG")
    with Image.open(path) as image:
        assert torch.equal(only(path, 3), planes(np.array(image)))


@pytest.mark.parametrize("shape", [(), (3,)])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_16_bit_files_keep_all_bits(tmp_path: Path, suffix: str, shape: tuple[int, ...]) -> None:
    pixels = random_values(*shape, dtype=np.uint16)
    path = tmp_path / f"image.{suffix}"
    if suffix == "png":
        path.write_bytes(imagecodecs.png_encode(pixels))
    else:
        tifffile.imwrite(path, pixels)
    image = only(path, 3 if shape else 1)
    assert image.dtype == torch.float32
    assert torch.equal((image * 65535).round().to(torch.int32), planes(pixels.astype(np.int32)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_float_tiff(tmp_path: Path, dtype: Any) -> None:
    pixels = (random_values(3) / 255).astype(dtype)
    tifffile.imwrite(tmp_path / "image.tif", pixels, photometric="rgb")
    assert torch.equal(only(tmp_path / "image.tif", 3), planes(pixels.astype(np.float32)))


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_alpha_is_dropped(tmp_path: Path, suffix: str, dtype: Any, colours: int) -> None:
    pixels = random_values(colours + 1, dtype=dtype)
    path = tmp_path / f"image.{suffix}"
    if suffix == "png":
        path.write_bytes(imagecodecs.png_encode(pixels))
    else:
        photometric = "rgb" if colours == 3 else "minisblack"
        tifffile.imwrite(path, pixels, photometric=photometric, extrasamples=["unassalpha"])
    image = only(path, colours)
    if dtype == np.uint16:
        image = (image * 65535).round().to(torch.int32)
    assert torch.equal(image.to(torch.int32), planes(pixels[..., :colours].astype(np.int32)))


def test_palette_and_1_bit_images_are_converted(tmp_path: Path) -> None:
    palette = Image.fromarray(random_values(3)).quantize(16)
    palette.save(tmp_path / "palette.png")
    assert torch.equal(only(tmp_path / "palette.png", 3), planes(np.array(palette.convert("RGB"))))
    palette.save(tmp_path / "palette.tif")
    assert torch.equal(only(tmp_path / "palette.tif", 3), only(tmp_path / "palette.png", 3))
    bits = random_values() > 127
    for name in ("bits.png", "bits.tif"):
        Image.fromarray(bits).save(tmp_path / name)
        assert torch.equal(only(tmp_path / name, 1), planes(bits.astype(np.uint8) * 255))


def test_a_tiff_whose_zero_is_white_is_inverted(tmp_path: Path) -> None:
    pixels = random_values()
    tifffile.imwrite(tmp_path / "image.tif", pixels, photometric="miniswhite")
    assert torch.equal(only(tmp_path / "image.tif", 1), planes(255 - pixels))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["image.png", "image16.png", "image.tif"])
def test_orientation_is_applied(tmp_path: Path, name: str, orientation: int) -> None:
    pixels = random_values(3)
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(pixels).save(tmp_path / "reference.png", exif=exif)
    path = tmp_path / name
    if name == "image16.png":
        # imagecodecs writes no EXIF: splice Pillow's eXIf chunk in after the header (33 bytes)
        plain = imagecodecs.png_encode(pixels.astype(np.uint16) * 257)
        with_exif = (tmp_path / "reference.png").read_bytes()
        start = with_exif.index(b"eXIf") - 4
        length = int.from_bytes(with_exif[start : start + 4], "big") + 12
        path.write_bytes(plain[:33] + with_exif[start : start + length] + plain[33:])
    elif name == "image.tif":
        tifffile.imwrite(path, pixels, extratags=[(274, "H", 1, orientation, True)])
    else:
        path = tmp_path / "reference.png"
    with Image.open(tmp_path / "reference.png") as image:
        expected = planes(np.array(ImageOps.exif_transpose(image)))
    found = only(path, 3)
    assert torch.equal(found if found.dtype == torch.uint8 else (found * 255).byte(), expected)


@pytest.mark.parametrize(("axes", "shape"), [("I", (4,)), ("Z", (4,)), ("T", (3,)), ("TZ", (2, 3))])
@pytest.mark.parametrize("samples", [(), (3,)])
def test_each_page_of_a_stack_is_an_image(
    tmp_path: Path, axes: str, shape: tuple[int, ...], samples: tuple[int, ...]
) -> None:
    full = (*shape, HEIGHT, WIDTH, *samples)
    pixels = np.random.default_rng(0).integers(0, 255, full).astype(np.uint8)
    path = tmp_path / "stack.tif"
    tifffile.imwrite(
        path,
        pixels,
        photometric="rgb" if samples else "minisblack",
        metadata={"axes": axes + "YX" + "S" * len(samples)},
    )
    pages = read_image(path, 3 if samples else 1)
    expected = pixels.reshape(-1, HEIGHT, WIDTH, *samples)
    assert len(pages) == len(expected)
    assert all(torch.equal(page, planes(want)) for page, want in zip(pages, expected, strict=True))


def test_pages_of_different_sizes_are_images_too(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "pages.tif") as writer:
        writer.write(random_values(3), photometric="rgb")
        writer.write(random_values(3)[:4], photometric="rgb")
    shapes = [tuple(page.shape) for page in read_image(tmp_path / "pages.tif", 3)]
    assert shapes == [(3, HEIGHT, WIDTH), (3, 4, WIDTH)]


def test_the_format_is_told_from_the_content(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "tiff.tif", random_values(3))
    (tmp_path / "tiff.tif").rename(tmp_path / "tiff.png")
    assert torch.equal(only(tmp_path / "tiff.png", 3), planes(random_values(3)))


def test_ways_of_storing_that_only_a_tiff_has(tmp_path: Path) -> None:
    pixels = random_values(3)
    tifffile.imwrite(
        tmp_path / "planar.tif",
        np.moveaxis(pixels, -1, 0).copy(),
        photometric="rgb",
        planarconfig="separate",
    )
    assert torch.equal(only(tmp_path / "planar.tif", 3), planes(pixels))
    deep = random_values(dtype=np.uint16) >> 4
    tifffile.imwrite(tmp_path / "packed.tif", deep, bitspersample=12, photometric="minisblack")
    assert torch.equal(only(tmp_path / "packed.tif", 1), planes(deep / np.float32(4095)))
    image = Image.fromarray(pixels).convert("YCbCr")
    image.save(tmp_path / "ycbcr.tif")
    expected = planes(np.asarray(image.convert("RGB"))).int()
    assert (only(tmp_path / "ycbcr.tif", 3).int() - expected).abs().max() <= 1


# Channels


def test_grey_is_repeated_to_three_channels(tmp_path: Path) -> None:
    Image.fromarray(random_values()).save(tmp_path / "grey.png")
    assert torch.equal(only(tmp_path / "grey.png", 3), planes(random_values()).repeat(3, 1, 1))


def test_colour_becomes_luminance(tmp_path: Path) -> None:
    image = Image.fromarray(random_values(3))
    image.save(tmp_path / "colour.png")
    grey = only(tmp_path / "colour.png", 1)
    assert grey.dtype == torch.uint8
    torch.testing.assert_close(grey, planes(np.array(image.convert("L"))), atol=1, rtol=0)
    pixels = random_values(3, dtype=np.uint16)
    (tmp_path / "deep.png").write_bytes(imagecodecs.png_encode(pixels))
    weights = np.array([0.299, 0.587, 0.114])
    expected = torch.from_numpy((pixels / 65535) @ weights).float()[None]
    torch.testing.assert_close(only(tmp_path / "deep.png", 1), expected)


def test_white_stays_in_range_as_luminance(tmp_path: Path) -> None:
    white = np.ones((HEIGHT, WIDTH, 3), np.float32)
    tifffile.imwrite(tmp_path / "white.tif", white, photometric="rgb")
    assert only(tmp_path / "white.tif", 1).max() <= 1


def test_other_numbers_of_channels_must_be_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "five.tif"
    pixels = random_values(5)
    tifffile.imwrite(path, pixels, photometric="minisblack", planarconfig="contig")
    assert torch.equal(only(path, 5), planes(pixels))
    assert message(path, 3) == (
        f"{path}: has 5 channels, and the architecture takes 3. Set input.channels = 5."
    )


@pytest.mark.parametrize("axes", ["CYX", "TCYX", "ZCYX", "CZYX", "YXC"])
def test_channels_in_pages_are_those_of_one_image(tmp_path: Path, axes: str) -> None:
    path, sizes = tmp_path / "channels.tif", {"T": 2, "Z": 3, "C": 5, "Y": HEIGHT, "X": WIDTH}
    draws = np.random.default_rng(0)
    values = draws.integers(0, 255, [sizes[axis] for axis in axes], np.uint8)
    tifffile.imwrite(path, values, photometric="minisblack", metadata={"axes": axes})
    images = np.moveaxis(values, axes.index("C"), -1).reshape(-1, HEIGHT, WIDTH, 5)
    found = read_image(path, 5)
    assert all(torch.equal(a, planes(b)) for a, b in zip(found, images, strict=True))
    assert training_bytes([read_header(path)], 5) == 2 * sum(each.numel() for each in found)
    name = path if len(images) == 1 else f"{path}[0]"
    for channels in (1, 3):
        assert message(path, channels) == (
            f"{name}: has 5 channels, and the architecture takes {channels}. "
            "Set input.channels = 5."
        )


def test_pages_that_may_be_channels(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    tifffile.imwrite(path, np.zeros((5, 8, 9), np.uint8), metadata={"axes": "IYX"})
    assert message(path, 5) == (
        f"{path}[0]: has 1 channel, and the architecture takes 5. Set input.channels = 1. "
        "Its 5 pages are images each; as channels of one, their axes are CYX."
    )


# Errors


def test_files_that_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not an image at all, but long enough to have a header")
    (tmp_path / "folder.png").mkdir()
    assert message(tmp_path / "missing.png") == f"{tmp_path}/missing.png: no such file. {ALLOWED}"
    assert message(tmp_path / "empty.png") == f"{tmp_path}/empty.png: the file is empty. {ALLOWED}"
    assert message(tmp_path / "folder.png") == f"{tmp_path}/folder.png: is a folder. {ALLOWED}"
    assert message(tmp_path / "text.png") == (
        f"{tmp_path}/text.png: damaged, or not a file of this kind. {ALLOWED}"
    )


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "image.png"
    Image.fromarray(random_values(3)).save(path)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read any file, so chmod would not do
    assert message(path) == f"{path}: permission denied. {ALLOWED}"


@pytest.mark.parametrize("name", ["a.png", "a16.png", "a.jpg", "a.bmp", "a.webp", "a.tif"])
@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9])
def test_a_truncated_file(
    tmp_path: Path, name: str, kept: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
    if name == "a16.png":
        path.write_bytes(imagecodecs.png_encode(pixels.astype(np.uint16) * 257))
    elif name == "a.tif":
        tifffile.imwrite(path, pixels)
    else:
        Image.fromarray(pixels).save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    assert message(path) == f"{path}: damaged, or not a file of this kind. {ALLOWED}"
    assert capfd.readouterr().err == ""


def test_more_pixels_than_pillow_opens_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    for name in ("a.png", "a.jpg", "a.bmp", "a.webp"):
        Image.fromarray(random_values(3)).save(tmp_path / name)
        assert only(tmp_path / name, 3).shape == (3, HEIGHT, WIDTH)


def test_tiffs_that_are_no_photographs(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, np.zeros((2, 8, 9), np.uint8), metadata={"axes": "RYX"})
    assert message(path) == (
        f"{path}: its axes are RYX. A TIFF holds images as YX, or a stack of them along I, Q, Z "
        "or T, and their channels along C or in a page."
    )
    tifffile.imwrite(path, random_values(3), photometric="cielab")
    assert message(path) == f"{path}: its colours are CIELab. Convert it to grey or RGB."
    tifffile.imwrite(path, random_values().astype(np.int32))
    assert message(path) == (
        f"{path}: its values are signed integers of 32 bits. "
        "Save it with unsigned integers of up to 16 bits, or floats."
    )


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8"])
def test_floats_are_not_limited(tmp_path: Path, dtype: str, channels: int) -> None:
    pixels = np.random.default_rng(0).normal(0.5, 20, (HEIGHT, WIDTH, 3)).astype(dtype)
    tifffile.imwrite(tmp_path / "image.tif", pixels, photometric="rgb")
    expected = planes(pixels if channels == 3 else pixels @ np.array([0.299, 0.587, 0.114]))
    torch.testing.assert_close(only(tmp_path / "image.tif", channels), expected.float())


@pytest.mark.parametrize("wrong", ["nan", "inf", "-inf"])
def test_what_is_no_finite_number_is_refused_with_its_place(tmp_path: Path, wrong: str) -> None:
    path, pixels = tmp_path / "image.tif", np.zeros((2, 4, 5), np.float32)
    pixels[1, 2, 3] = float(wrong)
    tifffile.imwrite(path, pixels, photometric="minisblack")
    assert message(path, 1) == (
        f"{path}[1]: a value is {wrong} at row 2, column 3. Values are finite numbers up to 1e15 "
        "times white, which is 1 here."
    )


@pytest.mark.parametrize(
    ("dtype", "low", "high"), [("u2", 0, 4095), ("u2", 200, 4000), ("f4", 0, 255), ("f4", -1, 1)]
)
def test_black_and_white_by_the_users_word(
    tmp_path: Path, dtype: str, low: float, high: float
) -> None:
    pixels = np.random.default_rng(0).uniform(0, 5000, (HEIGHT, WIDTH)).astype(dtype)
    tifffile.imwrite(tmp_path / "image.tif", pixels, photometric="minisblack")
    (image,) = read_image(tmp_path / "image.tif", 1, ValueRange(low, high))
    expected = (pixels.astype(np.float64) - low) / (high - low)
    torch.testing.assert_close(image, planes(expected).float())


def test_a_file_whose_type_ends_below_white_keeps_its_own(tmp_path: Path) -> None:
    """8 bits beside 12 in 16; what goes further is not clipped, and takes the room of floats."""
    eight, path = random_values(3), tmp_path / "a.png"
    Image.fromarray(eight).save(path)
    assert torch.equal(read_image(path, 3, ValueRange(0, 4095))[0], planes(eight))
    (half,) = read_image(path, 3, ValueRange(0, 127.5))
    torch.testing.assert_close(half, planes(eight).float() / 127.5)
    with pytest.raises(DataError, match="more than"):
        read_images([path], 3, value_range=ValueRange(0, 127.5), memory_limit=eight.size * 8 - 1)
    assert read_images([path], 3, value_range=ValueRange(0, 255), memory_limit=eight.size * 2)


# Many files


def test_files_are_read_in_order(tmp_path: Path) -> None:
    paths = [tmp_path / f"{value}.png" for value in (7, 3, 9, 1)]
    for path in paths:
        Image.new("L", (2, 2), int(path.stem)).save(path)
    read = read_images(paths, 1)
    assert [int(pages[0][0, 0, 0]) for pages in read] == [7, 3, 9, 1]


def test_more_images_than_memory(tmp_path: Path) -> None:
    colour, deep, stack = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.tif"
    Image.new("RGB", (1000, 1000)).save(colour)  # 3 x 10^6 values of a byte
    deep.write_bytes(imagecodecs.png_encode(np.zeros((500, 500), np.uint16)))  # 0.75 x 10^6 float32
    tifffile.imwrite(stack, np.zeros((2, 1000, 1000, 3), np.uint8), photometric="rgb")  # 6 x 10^6
    paths = [colour, deep, stack]
    kept, as_floats, packed = 12_000_000, 36_000_000, 39_000_000
    needed = kept + as_floats + packed
    assert len(read_images(paths, 3, memory_limit=needed)) == 3
    with pytest.raises(DataError) as caught:
        read_images(paths, 3, memory_limit=needed - 1)
    assert str(caught.value) == (
        f"3 images from {colour} on: decoded, and copied to train on, they take 83.0 MiB, more "
        "than the 83.0 MiB allowed here. Use fewer or smaller images, or keep them on a disk with "
        "--cache."
    )
    assert len(read_images([colour], 3, memory_limit=6_000_000)) == 1


def test_a_damaged_file_among_many_is_named(tmp_path: Path) -> None:
    good, bad = tmp_path / "a.png", tmp_path / "b.png"
    Image.new("L", (2, 2)).save(good)
    bad.write_text("text")
    with pytest.raises(DataError) as caught:
        read_images([good, bad], 1)
    assert str(caught.value).splitlines() == [
        f"{bad}: damaged, or not a file of this kind. {ALLOWED}",
        "1 of 2 picture files cannot be used. Mend them, or take them out.",
    ]


def test_of_many_damaged_files_the_first_are_named(tmp_path: Path) -> None:
    paths = [tmp_path / f"{index:02}.png" for index in range(13)]
    for path in paths:
        path.write_text("text")
    with pytest.raises(DataError) as caught:
        read_images(paths, 1)
    *named, last = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in named] == list(map(str, paths[:10]))
    assert last == (
        "13 of 13 picture files cannot be used, 3 more than are named. Mend them, or take them out."
    )


def test_wrong_channels_are_said_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"{index}.png" for index in range(5)]
    for index, path in enumerate(paths):
        Image.new("L" if index == 2 else "RGB", (4, 4)).save(path)
    with pytest.raises(DataError) as caught:
        read_images(paths, 2)
    colour, grey, last = str(caught.value).splitlines()
    assert colour == (
        f"4 files ({paths[0]}, {paths[1]}, {paths[3]} and 1 more): each has 3 channels, and the "
        "architecture takes 2. Set input.channels = 3."
    )
    assert grey == (
        f"{paths[2]}: has 1 channel, and the architecture takes 2. Set input.channels = 1."
    )
    assert last == "5 of 5 picture files cannot be used. Mend them, or take them out."
