from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from zoo.errors import DataError
from zoo.pictures import open_picture


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught, open_picture(path) as picture:
        list(picture.planes())
    return str(caught.value).removeprefix(f"{path}: ")


def test_what_is_refused(tmp_path: Path, draw: Any) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, draw(8, 9, 4), photometric="separated")
    assert refused(path) == "its colours are CMYK. Convert it to grey or RGB."
    tifffile.imwrite(path, draw(8, 9, 3), photometric="cielab")
    assert refused(path) == "its colours are CIELab. Convert it to grey or RGB."
    tifffile.imwrite(path, draw(8, 9).astype(np.int16))
    assert refused(path) == (
        "its values are signed integers of 16 bits. "
        "Save it with unsigned integers of up to 16 bits, or floats."
    )
    tifffile.imwrite(path, draw(4, 16, 16), photometric="minisblack", volumetric=True)
    assert refused(path) == "a page is a volume of 4 planes. A page is one plane."
    with tifffile.TiffWriter(path) as writer:
        writer.write(draw(8, 9))
        writer.write(draw(8, 9, 3), photometric="rgb")
    assert refused(path) == (
        "page 1 has 1 channels of 8 bits, page 2 3 channels of 8 bits. All pages have the same."
    )


@pytest.mark.parametrize("kept", [6, 0.3, 0.9])
def test_a_truncated_tiff(tmp_path: Path, draw: Any, kept: float, capfd: Any) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, draw(64, 64, 3), compression="lzw")
    data = path.read_bytes()
    path.write_bytes(data[: int(kept if kept > 1 else len(data) * kept)])
    assert refused(path) == (
        "damaged, or not a file of this kind. Images are PNG, JPEG, TIFF, BMP or WebP files."
    )
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(("count", "back"), [(1, 1), (3, 1), (3, 2), (130, 110)])
def test_pages_that_go_round_in_a_circle(
    tmp_path: Path, draw: Any, big: bool, count: int, back: int
) -> None:
    """Of three such pages tifffile shows one, and those of 130 it reads without end."""
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, bigtiff=big) as writer:
        for _ in range(count):
            writer.write(draw(8, 9), contiguous=False)
    with tifffile.TiffFile(path) as tiff:
        places = [page.offset for page in tiff.pages]
    data = bytearray(path.read_bytes())
    head, entry, field = (8, 20, "<Q") if big else (2, 12, "<I")
    tags = int.from_bytes(data[places[-1] : places[-1] + head], "little")
    struct.pack_into(field, data, places[-1] + head + tags * entry, places[back - 1])
    path.write_bytes(data)
    assert refused(path) == (
        f"its pages go round in a circle: page {count} leads back to page {back}. Save it again."
    )


@pytest.mark.parametrize("compression", [None, "lzw"])
def test_rows_that_are_not_stored(tmp_path: Path, draw: Any, compression: str | None) -> None:
    """They would be black, and 15 million of them take gigabytes."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, draw(24, 16, 3), rowsperstrip=16, compression=compression)
    with tifffile.TiffFile(path, mode="r+b") as tiff:
        tiff.pages[0].tags[257].overwrite(100)  # ImageLength
    assert refused(path) == "is damaged: 2 of its 7 parts are stored."
