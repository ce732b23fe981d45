from __future__ import annotations

import os
import struct
import subprocess
import sys
import zlib
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile

from tests.pictures.corpus.png import encode
from zoo.errors import DataError
from zoo.pictures import open_picture

ALLOWED = "Images are PNG, JPEG, TIFF, BMP or WebP files."


def refused(source: Any, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        open_picture(source, **options)
    return str(caught.value)


def test_what_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("not an image at all, but long enough to have a header")
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to("loop.png")
    expected = {
        "missing.png": "no such file",
        "empty.png": "the file is empty",
        "folder.png": "is a folder",
        "text.png": "damaged, or not a file of this kind",
        "pipe.png": "is a pipe or device",
        "loop.png": "too many levels of symbolic links",
        "x" * 300: "file name too long",
        "text.png/a.png": "not a directory",
    }
    for name, reason in expected.items():
        assert refused(tmp_path / name) == f"{tmp_path / name}: {reason}. {ALLOWED}"
    assert refused("/dev/zero") == f"/dev/zero: is a pipe or device. {ALLOWED}"


@pytest.mark.parametrize(
    ("content", "whose", "command"),
    [
        (
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
            "Git LFS",
            "lfs pull",
        ),
        ("\ufeffversion https://hawser.github.com/spec/v1\r\n", "Git LFS", "lfs pull"),
        ("/annex/objects/SHA256E-s19332096--0.png\n", "git-annex", "annex get"),
        (
            "../.git/annex/objects/Xx/0q/SHA256E-s1--0.png/SHA256E-s1--0.png",
            "git-annex",
            "annex get",
        ),
    ],
)
def test_a_text_that_stands_for_a_file(
    tmp_path: Path, content: str, whose: str, command: str
) -> None:
    path = tmp_path / "a.png"
    path.write_text(content)
    fetch = f"Fetch it with git {command}."
    assert refused(path) == f"{path}: a {whose} pointer, not the picture itself. {fetch}"


def test_a_link_to_what_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.symlink_to("elsewhere.png")
    assert refused(path) == f"{path}: a link to elsewhere.png, which is not there. {ALLOWED}"
    path.unlink()
    path.symlink_to(".git/annex/objects/Xx/0q/SHA256E-s1--0.png/SHA256E-s1--0.png")
    assert refused(path) == (
        f"{path}: a git-annex link to a file that is not here: fetch it with git annex get. "
        f"{ALLOWED}"
    )


def test_a_stream_that_never_ends_is_left_at_once() -> None:
    with open("/dev/zero", "rb") as stream:  # noqa: PTH123 - a device
        expected = f"<stdin>: damaged, or not a file of this kind. {ALLOWED}"
        assert refused(stream) == expected
    assert refused(BytesIO()) == f"<stdin>: the file is empty. {ALLOWED}"


def bomb(kind: str) -> bytes:
    """Files of a few bytes whose headers say 40000 x 50000 pixels."""
    if kind == "PNG":
        header = b"IHDR" + struct.pack(">IIBBBBB", 50000, 40000, 8, 2, 0, 0, 0)
        data = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
        return b"\x89PNG\r\n\x1a\n" + data
    if kind == "JPEG":
        frame = struct.pack(">HBHHB", 17, 8, 40000, 50000, 3) + b"\1\x11\0\2\x11\0\3\x11\0"
        return b"\xff\xd8\xff\xc0" + frame + b"\xff\xda\0\x08\1\1\0\0\x3f\0\xff\xd9"
    if kind == "BMP":
        sizes = struct.pack("<IiiHHIIiiII", 40, 50000, 40000, 1, 24, 0, 0, 0, 0, 0, 0)
        return b"BM" + struct.pack("<III", 1000, 0, 54) + sizes
    stream = BytesIO()
    tifffile.imwrite(stream, np.zeros((4, 5), np.uint8), metadata=None, software=False)
    data = bytearray(stream.getvalue())
    for code, value in ((256, 50000), (257, 40000)):
        place = data.index(struct.pack("<HHI", code, 4, 1))
        data[place + 8 : place + 12] = struct.pack("<I", value)
    return bytes(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF"])
def test_a_bomb_is_refused_by_its_header(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(bomb(kind))
    assert refused(path, max_pixels=200_000_000) == (
        f"{path}: 50000 x 40000 pixels are more than the 200000000 allowed here. "
        "Allow more where the file can be trusted."
    )


def test_pictures_of_phones_are_no_bombs(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pixels = np.zeros((12240, 16320), np.uint8)
    tifffile.imwrite(path, pixels, compression="zlib", rowsperstrip=12240, metadata=None)
    with open_picture(path) as picture:
        assert picture.shape == (12240, 16320)


def test_the_format_is_told_from_the_content(tmp_path: Path, draw: Any) -> None:
    path = tmp_path / "a.tif"
    path.write_bytes(imagecodecs.png_encode(draw(4, 5)))
    with open_picture(path) as picture:
        assert (picture.format, picture.where) == ("PNG", str(path))


def test_a_name_that_is_no_utf_8(tmp_path: Path, draw: Any) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    path.write_bytes(imagecodecs.png_encode(draw(4, 5))[:-9])
    assert refused(path) == (
        f"{tmp_path}/caf\\udce9.png: damaged, or not a file of this kind. {ALLOWED}"
    )


def test_reading_pictures_imports_no_torch() -> None:
    code = "import sys, zoo.pictures; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_interlaced_png_prints_nothing(tmp_path: Path) -> None:
    """libpng warns of how its binding decodes one, by a logger that nobody has set up."""
    values = np.zeros((19, 21, 3), np.uint8)
    (tmp_path / "a.png").write_bytes(encode(values, 8, 2, interlaced=True))
    code = "import sys, zoo.pictures; print(*zoo.pictures.open_picture(sys.argv[1]).planes())"
    command = [sys.executable, "-c", code, str(tmp_path / "a.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("[[[0 0 0]")
    assert done.stderr == ""
