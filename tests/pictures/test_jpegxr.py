from __future__ import annotations

from pathlib import Path
from struct import pack_into, unpack_from
from typing import Any

import numpy as np
import pytest
import tifffile

from zoo.errors import DataError
from zoo.pictures import open_picture


@pytest.fixture
def picture(tmp_path: Path, draw: Any) -> Path:
    options: dict[str, Any] = {"photometric": "rgb", "compression": "jpegxr", "tile": (32, 32)}
    tifffile.imwrite(tmp_path / "a.tif", draw(32, 64, 3), **options)
    return tmp_path / "a.tif"


def planes(path: Path) -> Any:
    with open_picture(path) as picture:
        return np.stack([*picture.planes()])


def damaged(path: Path, place: int, kind: str, value: int) -> None:
    """Change a number of the directory in the second tile."""
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tiff:
        tile = tiff.pages[0].dataoffsets[1]
    directory = tile + unpack_from("<I", data, tile + 4)[0]
    pack_into(kind, data, directory + place if place >= 0 else tile - place, value)
    path.write_bytes(data)


def test_jpeg_xr_is_read(picture: Path) -> None:
    assert np.array_equal(planes(picture)[0], tifffile.imread(picture))


@pytest.mark.parametrize(
    ("place", "kind", "value"),
    [
        *((0, "<H", 65535), (0, "<H", 0), (0, "<H", 100), (4, "<H", 999)),
        *((-4, "<I", 2**32 - 1), (-4, "<I", 0)),
    ],
)
def test_a_damaged_directory_is_one_line(
    picture: Path, capfd: pytest.CaptureFixture[str], place: int, kind: str, value: int
) -> None:
    """libjxr prints a line for each of up to 65,535 entries, past Python's streams."""
    damaged(picture, place, kind, value)
    with pytest.raises(DataError) as caught:
        planes(picture)
    assert str(caught.value) == (
        f"{picture}: is damaged: part 1 of its 2 parts is no JPEG XR. Save it again."
    )
    assert capfd.readouterr() == ("", "")
