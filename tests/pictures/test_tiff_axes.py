"""Arrays as tifffile writes them with axes of the user's own, with and without a page for each."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from zoo.data.decode import opened
from zoo.errors import DataError
from zoo.pictures import open_picture

SIZES = {"T": 4, "Z": 2, "Y": 20, "X": 30}
WAYS: list[tuple[str, dict[str, Any]]] = [
    *((dtype, {"truncate": True}) for dtype in ("u1", "f2", "f4", "f8")),
    *(("u2", {name: True}) for name in ("contiguous", "bigtiff")),
    *(("u2", way) for way in ({}, {"rowsperstrip": 7}, {"byteorder": ">"})),
    *(("u1", way) for way in ({"tile": (16, 16)}, {"compression": "zlib"})),
]


def images(values: Any, axes: str) -> Any:
    """(N, Y, X, C) of an array with these axes."""
    if (place := max(axes.find("C"), axes.find("S"))) >= 0:
        values, axes = np.moveaxis(values, place, -1), axes[:place] + axes[place + 1 :]
        return values.reshape(-1, 20, 30, values.shape[-1])
    return values.reshape(-1, 20, 30, 1)


COLOURS = ("YXC", "YXS", "TYXC", "TYXS", "CYX", "ZCYX")
FILES = [
    *product(COLOURS, (3,), ("minisblack", "rgb")),
    *product(("YXC", "TYXC", "CYX", "ZCYX"), (1, 2, 5), ("minisblack",)),
    *product(("YX", "TYX", "TZYX"), (0,), ("minisblack",)),
]


@pytest.mark.parametrize(("axes", "channels", "photometric"), FILES)
def test_all_values_are_read(
    axes: str, channels: int, photometric: str, tmp_path: Path, draw: Any, again: Any
) -> None:
    path = tmp_path / "a.tif"
    for dtype, way in WAYS:
        sizes = {**SIZES, "C": channels, "S": channels}
        values = draw(*(sizes[axis] for axis in axes), dtype=dtype)
        options = {key: way[key] for key in ("byteorder", "bigtiff") if key in way}
        with tifffile.TiffWriter(path, **options) as writer:
            how = {key: value for key, value in way.items() if key not in options}
            writer.write(values, photometric=photometric, metadata={"axes": axes}, **how)
        with opened(path) as file:
            found = np.stack([*file.images])
            assert len(found) == file.count
        wanted = images(values, axes)
        assert np.array_equal(found.reshape(wanted.shape), wanted), (dtype, way)
        with open_picture(path) as picture:
            assert picture.n_planes == sum(1 for _ in picture.planes())
    written = again(path)
    assert np.array_equal(tifffile.imread(written.path), values)
    assert (written.reread.axes, written.reread.shape) == (picture.axes, picture.shape)


def test_axes_that_are_no_pages_take_the_planes_one_by_one(tmp_path: Path, draw: Any) -> None:
    values = draw(2, 3, 20, 30, 3)
    options: dict[str, Any] = {"photometric": "minisblack", "truncate": True}
    tifffile.imwrite(tmp_path / "a.tif", values, metadata={"axes": "TCYXS"}, **options)
    with open_picture(tmp_path / "a.tif") as picture:
        assert (picture.axes, picture.shape) == ("IYX", (120, 30, 3))
        assert np.array_equal(np.stack([*picture.planes()]), values.reshape(120, 30, 3))


def test_times_are_no_channels_of_a_pixel(tmp_path: Path, draw: Any) -> None:
    path = tmp_path / "a.tif"
    options: dict[str, Any] = {"photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(path, draw(3, 20, 30), metadata={"axes": "TYX"}, **options)
    with pytest.raises(DataError) as caught:
        open_picture(path)
    assert str(caught.value) == (
        f"{path}: its axes are TYX, and its pages hold T as the channels of a pixel. Save it with "
        "a page for each, as photometric='minisblack' does in tifffile."
    )


def test_planes_behind_one_of_several_pages(tmp_path: Path, draw: Any) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for count in (4, 2):
            writer.write(draw(count, 20, 30), photometric="minisblack", truncate=True)
    with pytest.raises(DataError) as caught:
        open_picture(path)
    assert str(caught.value) == (
        f"{path}: holds several stacks, of which one lies behind the tags of a single page. Save "
        "each stack as a file of its own."
    )
