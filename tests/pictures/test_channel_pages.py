"""Channels in pages of their own, put together to pictures and taken apart again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from zoo.pictures import open_picture
from zoo.pictures.channel_pages import channel_pages

SIZES = {"T": 2, "Z": 3, "C": 5, "Y": 12, "X": 17, "S": 5}


def write(path: Path, axes: str, draw: Any, **options: Any) -> Any:
    """A file with these axes, and its values as (..., Y, X, C)."""
    values = draw(*(SIZES[axis] for axis in axes), dtype="u2")
    given = {"photometric": "minisblack", **options}
    tifffile.imwrite(path, values, metadata={"axes": axes}, **given)
    return np.moveaxis(values, axes.index("S" if "S" in axes else "C"), -1)


FILES = [
    ("CYX", {"imagej": True}),
    ("TCYX", {"imagej": True}),
    ("ZCYX", {"imagej": True}),
    ("CYX", {"ome": True}),
    ("TCYX", {"ome": True}),
    ("CZYX", {"ome": True}),
    ("TCZYX", {"ome": True}),
    ("YXS", {"ome": True, "planarconfig": "contig"}),
    ("SYX", {"ome": True, "planarconfig": "separate"}),
    ("TYXS", {"planarconfig": "contig"}),
    ("YXC", {}),
    ("TYXC", {}),
]


@pytest.mark.parametrize(("axes", "options"), FILES)
def test_there_and_back(axes: str, options: dict[str, Any], tmp_path: Path, draw: Any) -> None:
    values = write(tmp_path / "a.tif", axes, draw, **options)
    with open_picture(tmp_path / "a.tif") as picture:
        together = channel_pages(picture)
        runs = [[*run] for run in together.pictures(picture.planes())]
        planes = [plane for run in runs for plane in together.planes(run)]
        expected = list(picture.planes())
    found = np.stack([image for run in runs for image in run])
    assert np.array_equal(found, values.reshape(-1, *values.shape[-3:]))
    assert len(planes) == len(expected)
    assert all(np.array_equal(a, b) for a, b in zip(planes, expected, strict=True))


def test_one_channel_and_no_channels(tmp_path: Path, draw: Any) -> None:
    for axes, shape in (("TZYX", (2, 3, 12, 17)), ("TCYX", (2, 1, 12, 17))):
        tifffile.imwrite(tmp_path / "a.tif", draw(*shape), ome=True, metadata={"axes": axes})
        with open_picture(tmp_path / "a.tif") as picture:
            assert (channel_pages(picture).channels, channel_pages(picture).pages) == (1, 1)
