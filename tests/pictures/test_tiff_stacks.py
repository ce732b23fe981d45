from __future__ import annotations

import tracemalloc
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from zoo.pictures import open_picture, write_picture


def test_an_imagej_hyperstack(tmp_path: Path, again: Any, draw: Any) -> None:
    values = draw(2, 3, 2, 25, 37, dtype="u2")
    path = tmp_path / "a.tif"
    metadata = {
        "axes": "TZCYX",
        "spacing": 2.5,
        "unit": "um",
        "Info": "words",
        "Labels": ["x"] * 12,
    }
    tifffile.imwrite(path, values, imagej=True, metadata=metadata, resolution=(3.5, 4.5))
    result = again(path)
    assert (result.picture.axes, result.picture.shape) == ("TZCYX", values.shape)
    assert result.picture.n_planes == len(result.planes) == 12
    assert np.array_equal(np.stack(result.planes), values.reshape(-1, 25, 37))
    with tifffile.TiffFile(path) as given, tifffile.TiffFile(result.path) as found:
        assert found.imagej_metadata == given.imagej_metadata
        assert found.pages[0].resolution == given.pages[0].resolution
        assert np.array_equal(found.asarray(), values)


def test_a_stack_behind_the_tags_of_one_page(tmp_path: Path, again: Any, draw: Any) -> None:
    """As ImageJ writes stacks of more than 4 GB."""
    values = draw(5, 25, 37, dtype="u2")
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path, imagej=True) as writer:
        writer.write(values, truncate=True, metadata={"axes": "TYX"})
    result = again(path, lambda plane: plane // 2)
    assert (result.picture.axes, result.picture.shape) == ("TYX", values.shape)
    with tifffile.TiffFile(path) as given, tifffile.TiffFile(result.path) as found:
        assert len(found.pages) == len(given.pages) == 1
        assert found.imagej_metadata == given.imagej_metadata
        assert np.array_equal(found.asarray(), values // 2)


def test_the_colours_of_an_imagej_stack_are_no_palette(
    tmp_path: Path, again: Any, draw: Any
) -> None:
    values, colours = draw(3, 25, 37), draw(3, 256, dtype="u2")
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values, imagej=True, colormap=colours, metadata={"axes": "ZYX"})
    result = again(path)
    assert result.picture.channels == 1
    with tifffile.TiffFile(result.path) as found:
        assert np.array_equal(found.asarray(), values)
        assert np.array_equal(found.pages[0].colormap, colours)


@pytest.mark.parametrize("big", [False, True])
def test_an_ome_stack(tmp_path: Path, again: Any, draw: Any, big: bool) -> None:
    values = draw(2, 3, 2, 25, 37, dtype="u2")
    path = tmp_path / "a.ome.tif"
    metadata = {
        **{"axes": "TZCYX", "Name": "Zellen µ", "Channel": {"Name": ["DAPI", "GFP"]}},
        **{"PhysicalSizeX": 0.1, "PhysicalSizeXUnit": "µm"},
    }
    options = {"compression": "zlib", "tile": (16, 16), "bigtiff": big}
    tifffile.imwrite(path, values, metadata=metadata, **options)
    result = again(path)
    assert (result.picture.axes, result.picture.shape) == ("TZCYX", values.shape)
    with tifffile.TiffFile(path) as given, tifffile.TiffFile(result.path) as found:
        assert found.ome_metadata == given.ome_metadata is not None
        assert found.is_bigtiff == big
        assert found.series[0].axes == "TZCYX"
        assert np.array_equal(found.asarray(), values)


def test_ome_says_the_depth_that_is_written(tmp_path: Path, again: Any, draw: Any) -> None:
    values = draw(3, 25, 37, dtype="u2")
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, values, metadata={"axes": "ZYX", "SignificantBits": 12})
    result = again(path, depth=8)
    with tifffile.TiffFile(result.path) as found:
        assert 'Type="uint8"' in found.ome_metadata
        assert "SignificantBits" not in found.ome_metadata
        assert np.array_equal(found.asarray(), (values / 257).round())


def test_planar_rgb_pages(tmp_path: Path, again: Any, draw: Any) -> None:
    values = draw(4, 3, 25, 37)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, values, photometric="rgb", planarconfig="separate", metadata=None)
    result = again(path)
    assert (result.picture.axes, result.picture.shape) == ("IYX", (4, 25, 37, 3))
    assert np.array_equal(np.stack(result.planes), np.moveaxis(values, 1, -1))
    assert np.array_equal(tifffile.imread(result.path), values)


def test_pages_of_several_sizes(tmp_path: Path, again: Any, draw: Any) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for rows in (8, 5):
            writer.write(draw(rows, 9), metadata=None)
    result = again(path)
    assert [plane.shape for plane in result.found] == [(8, 9), (5, 9)]
    assert result.picture.remarks == ["its pages have 2 sizes"]


def test_previews_are_no_planes(tmp_path: Path, again: Any, draw: Any) -> None:
    path, values = tmp_path / "a.tif", draw(32, 32)
    with tifffile.TiffWriter(path) as writer:
        writer.write(values, subifds=1, metadata=None)
        writer.write(values[::2, ::2], subfiletype=1, metadata=None)
        writer.write(values[::4, ::4], subfiletype=1, metadata=None)
    result = again(path)
    assert result.picture.n_planes == 1
    assert np.array_equal(result.found[0], values)
    assert result.picture.remarks == [
        "previews and masks are left out: 1 of its pages",
        "its reduced copies (SubIFDs) are left out",
    ]


def test_damaged_ome_leaves_the_pages_readable(tmp_path: Path, again: Any, draw: Any) -> None:
    path, values = tmp_path / "a.ome.tif", draw(3, 25, 37)
    tifffile.imwrite(path, values, metadata={"axes": "ZYX"})
    path.write_bytes(path.read_bytes().replace(b"<Image ", b"<Imag< "))
    result = again(path)
    assert np.array_equal(np.stack(result.found), values)


def test_memory_is_that_of_a_few_planes(tmp_path: Path) -> None:
    path, count, side = tmp_path / "a.ome.tif", 60, 256
    page = np.arange(side * side, dtype="u2").reshape(side, side)
    shape = (count, side, side)
    tifffile.imwrite(
        path, (page + n for n in range(count)), shape=shape, dtype="u2", metadata={"axes": "TYX"}
    )
    tracemalloc.start()
    with open_picture(path) as picture:
        write_picture(tmp_path / "b.ome.tif", picture, (plane + 1 for plane in picture.planes()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * page.nbytes
    assert np.array_equal(tifffile.imread(tmp_path / "b.ome.tif", key=59), page + 60)


def test_a_stack_through_streams(draw: Any) -> None:
    values = draw(3, 25, 37, dtype="u2")
    given, written = BytesIO(), BytesIO()
    tifffile.imwrite(given, values, imagej=True, metadata={"axes": "ZYX"})
    given.seek(0)
    with open_picture(given) as picture:
        write_picture(written, picture, picture.planes())
    written.seek(0)
    assert np.array_equal(tifffile.imread(written), values)
    assert not given.closed
