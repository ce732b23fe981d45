from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from zoo.errors import DataError
from zoo.pictures import open_picture

ALLOWED = "Images are PNG, JPEG, TIFF, BMP or WebP files."


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(png: bytes, *chunks: bytes) -> bytes:
    """A PNG with chunks after its header."""
    return png[:33] + b"".join(chunks) + png[33:]


def chunks_of(path: Path) -> list[tuple[bytes, bytes]]:
    data, at, found = path.read_bytes(), 8, []
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        found.append((kind, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found


def saved(image: Image.Image, **options: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize(
    "samples", [(), (2,), (3,), (4,)], ids=["grey", "grey+alpha", "rgb", "rgba"]
)
def test_samples_are_kept(
    tmp_path: Path, again: Any, draw: Any, samples: tuple[int, ...], dtype: Any
) -> None:
    pixels = draw(7, 9, *samples, dtype=dtype)
    path = tmp_path / "a.png"
    path.write_bytes(imagecodecs.png_encode(pixels))
    result = again(path)
    colours = {(): 1, (2,): 1, (3,): 3, (4,): 3}[samples]
    expected = pixels if pixels.ndim == 2 else pixels[..., :colours]
    assert np.array_equal(result.planes[0], expected[..., 0] if samples == (2,) else expected)
    assert result.picture.white == np.iinfo(dtype).max
    assert np.array_equal(imagecodecs.png_decode(result.path.read_bytes()), pixels)
    assert (result.picture.remarks, result.remarks) == ([], [])


def test_alpha_stays_while_colours_change(tmp_path: Path, again: Any, draw: Any) -> None:
    pixels = draw(7, 9, 4)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels))
    written = imagecodecs.png_decode(
        again(tmp_path / "a.png", lambda plane: plane // 2).path.read_bytes()
    )
    assert np.array_equal(written[..., 3], pixels[..., 3])
    assert np.array_equal(written[..., :3], pixels[..., :3] // 2)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_fewer_than_8_bits_become_8(tmp_path: Path, again: Any, draw: Any, bits: int) -> None:
    values = draw(4, 8, bits=bits)
    packed = np.packbits(
        np.unpackbits(values[..., None], axis=2)[..., 8 - bits :].reshape(4, -1), axis=1
    )
    rows = b"".join(b"\0" + row.tobytes() for row in packed)
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 4, bits, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    result = again(path)
    assert np.array_equal(result.planes[0], values * (255 // (2**bits - 1)))
    assert np.array_equal(result.found[0], result.planes[0])
    assert result.picture.remarks == [f"its {bits}-bit values are written with 8 bits"]


@pytest.mark.parametrize("transparency", [None, b"\0\x80\xff"])
def test_a_palette_becomes_rgb(
    tmp_path: Path, again: Any, draw: Any, transparency: bytes | None
) -> None:
    image = Image.fromarray(draw(7, 9) % 3, "P")
    image.putpalette([1, 2, 3, 40, 50, 60, 200, 0, 255])
    options = {"transparency": transparency} if transparency else {}
    (tmp_path / "a.png").write_bytes(saved(image, **options))
    result = again(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as given, Image.open(result.path) as found:
        mode = "RGBA" if transparency else "RGB"
        assert found.mode == mode
        assert np.array_equal(np.asarray(found), np.asarray(given.convert(mode)))
    assert result.picture.remarks == ["its palette is converted to RGB"]


def test_a_transparent_colour_becomes_alpha(tmp_path: Path, again: Any, draw: Any) -> None:
    pixels = draw(7, 9, 3, dtype=np.uint16)
    key = chunk(b"tRNS", struct.pack(">3H", *pixels[2, 3]))
    (tmp_path / "a.png").write_bytes(with_chunks(imagecodecs.png_encode(pixels), key))
    result = again(tmp_path / "a.png")
    written = imagecodecs.png_decode(result.path.read_bytes())
    assert np.array_equal(written[..., :3], pixels)
    assert written[2, 3, 3] == 0
    assert (written[..., 3] == 65535).sum() == 62
    assert result.picture.remarks == ["its transparent colour becomes an alpha channel"]


def test_what_is_not_pixels_is_kept_byte_for_byte(tmp_path: Path, again: Any, draw: Any) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_text("Author", "someone")
    text.add_itxt("Title", "ein Bild mit Grün", "de")
    text.add_text("Comment", "long " * 300, zip=True)
    exif = Image.Exif()
    exif[274], exif[271] = 6, "Maker"
    image = Image.fromarray(draw(7, 9, 3))
    data = saved(image, pnginfo=text, exif=exif, icc_profile=b"profile" * 99, dpi=(300, 150))
    extra = [
        chunk(b"gAMA", b"\0\0\xb1\x8f"),
        chunk(b"tIME", b"\x07\xe8\1\1\1\1\1"),
        chunk(b"prVt", b"x"),
    ]
    (tmp_path / "a.png").write_bytes(with_chunks(data, *extra))
    result = again(tmp_path / "a.png")

    def others(path: Path) -> list[tuple[bytes, bytes]]:
        return [item for item in chunks_of(path) if item[0] not in (b"IHDR", b"IDAT", b"IEND")]

    assert len(others(result.path)) == 9
    assert others(result.path) == others(tmp_path / "a.png")
    assert result.picture.orientation == 6
    assert result.found[0].shape == (7, 9, 3)  # not turned


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"eXIf", b"not exif"),
        (b"zTXt", b"xmp\0\0" + zlib.compress(b"x" * 1_500_000)),
        (b"iCCP", b"p\0\0damaged"),
        (b"pHYs", b"?"),
    ],
)
def test_damaged_metadata_leave_the_pixels_readable(
    tmp_path: Path, again: Any, draw: Any, kind: bytes, content: bytes
) -> None:
    pixels, extra = draw(7, 9, 3), chunk(kind, content)
    (tmp_path / "a.png").write_bytes(with_chunks(imagecodecs.png_encode(pixels), extra))
    result = again(tmp_path / "a.png")
    assert np.array_equal(result.found[0], pixels)
    assert extra in result.path.read_bytes()
    assert result.picture.orientation == 1


def test_only_the_first_picture_of_an_animation_is_kept(
    tmp_path: Path, again: Any, draw: Any
) -> None:
    first, second = (Image.fromarray(draw(7, 9, 3) // part) for part in (1, 2))
    (tmp_path / "a.png").write_bytes(saved(first, save_all=True, append_images=[second]))
    result = again(tmp_path / "a.png")
    assert np.array_equal(result.found[0], np.asarray(first))
    assert result.picture.remarks == ["only the first picture of its animation is kept"]
    assert result.reread.remarks == []


Break = Callable[[bytes], bytes]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[:-20],
        lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:],  # in the pixels
        lambda data: data[:24] + b"\x03" + data[25:],  # 3 bits
        lambda data: data[:16],
    ],
    ids=["truncated", "a bit flipped", "no such depth", "no header"],
)
def test_a_damaged_png(tmp_path: Path, draw: Any, change: Break, capfd: Any) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(change(imagecodecs.png_encode(draw(7, 9, 3))))
    with pytest.raises(DataError) as caught, open_picture(path) as picture:
        list(picture.planes())
    assert str(caught.value) == f"{path}: damaged, or not a file of this kind. {ALLOWED}"
    assert capfd.readouterr().err == ""
