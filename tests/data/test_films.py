"""Frames of films, by the numbers in the names of files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from zoo.data.films import film_remarks, find_films
from zoo.data.sources.frames import Frames
from zoo.errors import DataError


def pairs(*names: str) -> dict[str, list[tuple[str, str]]]:
    return {film.name: film.pairs for film in find_films(names)}


def test_numbers_are_in_their_natural_order() -> None:
    names = [f"f{number}.png" for number in (10, 9, 11, 8)]
    assert pairs(*names) == {
        "f*": [("f8.png", "f9.png"), ("f9.png", "f10.png"), ("f10.png", "f11.png")]
    }


def test_no_pair_across_a_gap_or_two_films() -> None:
    assert pairs("a_001.png", "a_002.png", "b_003.png", "b_004.png") == {
        "a_*": [("a_001.png", "a_002.png")],
        "b_*": [("b_003.png", "b_004.png")],
    }
    assert pairs("1.png", "2.png", "4.png", "7.png", "8.png") == {
        "*": [("1.png", "2.png"), ("7.png", "8.png")]
    }


def test_the_number_is_the_last_that_differs() -> None:
    assert pairs("t1_c2.png", "t2_c2.png") == {"t*_c2": [("t1_c2.png", "t2_c2.png")]}
    assert pairs("2_001.tif", "2_002.tif", "10_002.tif", "10_003.tif") == {
        "2_*": [("2_001.tif", "2_002.tif")],
        "10_*": [("10_002.tif", "10_003.tif")],
    }
    assert pairs("a/1.png", "a/2.png", "b/2.png", "b/3.png") == {
        "a/*": [("a/1.png", "a/2.png")],
        "b/*": [("b/2.png", "b/3.png")],
    }
    assert pairs("1.ome.tif", "2.ome.tif") == {"*": [("1.ome.tif", "2.ome.tif")]}


SINGLE = (
    "is a single frame. Frames are two or more of a film: pages of a TIFF, or pictures whose names "
    "differ in a number, as in a_1, a_2."
)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["dark.png", "light.png"], f"dark.png: {SINGLE}"),
        (["a1.png", "a2.png", "b1.png"], f"b1.png: {SINGLE}"),
        (["1.png", "01.tif"], "01.tif: has the number of 1.png. Each frame of a film has its own."),
        (
            ["a0.png", "a10.png", "a20.png"],
            "a*: no frame follows another: their numbers are 0, 10, 20. "
            "Give them the numbers 1, 2, 3 and so on.",
        ),
    ],
)
def test_no_films(names: list[str], message: str) -> None:
    with pytest.raises(DataError) as caught:
        find_films(names)
    assert str(caught.value) == message


def test_films_and_gaps_are_said() -> None:
    assert film_remarks(find_films(["a1.png", "a2.png"])) == []
    assert film_remarks(find_films(["a1", "a2", "b1", "b2", "b4", "b5", "b7"])) == [
        "2 films by their names (a*, b*)",
        "2 gaps in the numbers of the frames (after b2, b5), across which there are no pairs",
    ]


def test_pictures_and_stacks_in_a_folder(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    frames = draws.integers(0, 256, (8, 6, 7), dtype=np.uint8)
    for number, frame in zip((9, 10, 12, 13), frames, strict=False):
        Image.fromarray(frame).save(tmp_path / f"f{number}.png")
    tifffile.imwrite(tmp_path / "stack.tif", frames[5:], photometric="minisblack")
    found = Frames(str(tmp_path), channels=1)
    assert found.names == ("f9.png", "f12.png", "stack.tif[0]", "stack.tif[1]")
    assert found.files == ("f*", "f*", "stack.tif", "stack.tif")
    assert found.remarks == (
        f"{tmp_path}: 1 gap in the numbers of the frames (after f10.png), across which there are "
        "no pairs",
    )
    for first, second, number in zip(found.first, found.second, (0, 2, 5, 6), strict=True):
        assert np.array_equal(first[0], frames[number])
        assert np.array_equal(second[0], frames[number + 1])


def test_one_picture_is_no_film(tmp_path: Path) -> None:
    Image.new("L", (5, 4)).save(tmp_path / "a.png")
    with pytest.raises(DataError) as caught:
        Frames(str(tmp_path / "a.png"), channels=1)
    assert str(caught.value) == f"a.png: {SINGLE}"
