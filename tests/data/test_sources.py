from __future__ import annotations

import socket
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageOps
from torch import Tensor

from zoo.data.sources.demo import Demo, demo_folder, demo_images
from zoo.data.sources.folder import Folder
from zoo.data.sources.pairs import Pairs
from zoo.data.sources.pickle_pairs import PicklePairs
from zoo.data.split import draw_split
from zoo.errors import ArgumentError, DataError

FORMAT = "A file of pairs is a torch.save of two uint8 tensors of one shape (N, C, H, W)."


def write(folder: Path, **grey_levels: int) -> None:
    """One grey PNG for each name; ``__`` in a name stands for a folder."""
    for name, level in grey_levels.items():
        path = folder / f"{name.replace('__', '/')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (5, 4), level).save(path)


def levels(images: tuple[Tensor, ...]) -> list[int]:
    return [int(image[0, 0, 0]) for image in images]


# demo


def test_the_demo_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the demo opened a network connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    demo = Demo(channels=3)
    assert demo.names == ("astronaut", "coffee", "motorcycle_left", "rocket", "ihc", "chelsea")
    assert all(image.dtype == torch.uint8 and image.shape[0] == 3 for image in demo.images)
    assert all(min(image.shape[1:]) >= 8 * 32 for image in demo.images)  # pixel sampling's need


def test_the_demo_validates_on_the_cat() -> None:
    demo = Demo(channels=1)
    split = draw_split(demo, 0.5, seed=0)
    assert demo.take(split.held_out).names == ("chelsea",)
    assert demo.take(split.train).names == demo.names[:-1]
    assert demo.take(split.held_out).images[0].shape == (1, 300, 451)


def test_a_demo_of_which_files_are_missing(tmp_path: Path) -> None:
    for name in ("chelsea.png", "rocket.jpg", "coffee.png"):
        Image.new("RGB", (4, 4)).save(tmp_path / name)
    assert demo_images(tmp_path, 3).names == ("coffee", "rocket", "chelsea")
    end = "It needs chelsea.png and two more: install another version of scikit-image."
    (tmp_path / "coffee.png").unlink()
    with pytest.raises(DataError) as caught:
        demo_images(tmp_path, 3)
    assert str(caught.value) == (
        f"{tmp_path}: of the demo's photographs only these are installed: rocket.jpg, chelsea.png. "
        f"{end}"
    )
    with pytest.raises(DataError) as caught:
        demo_images(tmp_path / "none", 3)
    assert str(caught.value) == (
        f"{tmp_path / 'none'}: of the demo's photographs only these are installed: none. {end}"
    )


def test_the_demo_and_a_folder(tmp_path: Path) -> None:
    write(tmp_path, b=2, a__chelsea=1)
    demo = Demo(channels=1, folder=str(tmp_path))
    split = draw_split(demo, 0.5, seed=0)
    assert demo.names[-3:] == ("chelsea", "a/chelsea.png", "b.png")
    assert levels(demo.take(split.train).images[-2:]) == [1, 2]
    assert demo.take(split.held_out).names == ("chelsea",)
    assert split.remarks == ()


def test_the_cat_in_a_folder_is_not_trained_on(tmp_path: Path) -> None:
    cat = Image.open(demo_folder() / "chelsea.png")
    cat.resize((200, 150)).save(tmp_path / "cat.png")
    ImageOps.mirror(cat).save(tmp_path / "mirrored.jpg", quality=50)
    write(tmp_path, b=2)
    demo = Demo(channels=1, folder=str(tmp_path))
    split = draw_split(demo, 0.5, seed=0)
    assert demo.take(split.train).names[-2:] == ("ihc", "b.png")
    assert split.remarks == (
        "data: 2 of 9 images show scenes that are held out, and are not trained on "
        "(cat.png, mirrored.jpg)",
    )


def test_photographs_of_the_demo_are_left_out() -> None:
    assert Demo(channels=1, leave_out=["rocket", "ihc"]).names == (
        *("astronaut", "coffee", "motorcycle_left", "chelsea"),
    )
    with pytest.raises(ArgumentError) as error:
        Demo(channels=1, leave_out=["chelsea"])
    assert str(error.value) == (
        "demo: leave_out has 'chelsea'. "
        "Its photographs are astronaut, coffee, motorcycle_left, rocket, ihc."
    )


# folder


def test_a_folder_of_images_and_stacks(tmp_path: Path) -> None:
    write(tmp_path, b=2, a__c=1)
    stack = np.array([7, 8], np.uint8)[:, None, None].repeat(4, 1).repeat(5, 2)
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    images = Folder(str(tmp_path), channels=1)
    assert images.names == ("a/c.png", "b.png", "stack.tif[0]", "stack.tif[1]")
    assert levels(images.images) == [1, 2, 7, 8]
    assert images.held_out == frozenset()


# pairs


def test_two_folders(tmp_path: Path) -> None:
    write(tmp_path / "one", x=1, sub__y=2)
    write(tmp_path / "two", x=11, sub__y=12)
    (tmp_path / "two" / "x.png").rename(tmp_path / "two" / "x.bmp")  # told from its content
    pairs = Pairs(3, first=str(tmp_path / "one"), second=str(tmp_path / "two"))
    assert pairs.names == ("sub/y", "x")
    assert (levels(pairs.first), levels(pairs.second)) == ([2, 1], [12, 11])
    assert not pairs.second_is_clean


def test_one_folder_with_suffixes(tmp_path: Path) -> None:
    write(tmp_path, x_noisy=1, x_clean=11, sub__y_noisy=2, sub__y_clean=12)
    pairs = Pairs(1, folder=str(tmp_path), suffixes=["_noisy", "_clean"], second_is_clean=True)
    assert pairs.names == ("sub/y", "x")
    assert (levels(pairs.first), levels(pairs.second)) == ([2, 1], [12, 11])
    assert pairs.second_is_clean


def test_names_with_dots_are_whole_names(tmp_path: Path) -> None:
    for name in ("v1.0_a.png", "v1.0_b.png", "v1.5_a.png", "v1.5_b.png"):
        Image.new("L", (5, 4)).save(tmp_path / name)
    assert Pairs(1, folder=str(tmp_path)).names == ("v1.0", "v1.5")


def test_pairs_of_stacks(tmp_path: Path) -> None:
    def stack(name: str, pages: int) -> None:
        pixels = np.arange(pages, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(5, 2)
        tifffile.imwrite(tmp_path / name, pixels, photometric="minisblack")

    stack("s_a.tif", 2)
    stack("s_b.tif", 2)
    pairs = Pairs(1, folder=str(tmp_path))
    assert pairs.names == ("s[0]", "s[1]")
    assert levels(pairs.first) == levels(pairs.second) == [0, 1]
    stack("s_b.tif", 5)
    with pytest.raises(DataError) as caught:
        Pairs(1, folder=str(tmp_path))
    assert str(caught.value) == (
        "s: the files of this pair have 2 and 5 pages. Both must have as many."
    )


def test_files_without_a_partner(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    write(one, x=1, a=1, b=1)
    write(two, x=1, c=1, d=1)
    with pytest.raises(DataError) as caught:
        Pairs(1, first=str(one), second=str(two))
    assert str(caught.value) == (
        f"{one} and {two}: {one}/a.png, {one}/b.png, {two}/c.png and 1 more without a partner. "
        "In both folders the same file names are needed, extensions aside."
    )
    write(tmp_path / "three", x_a=1, x_b=1, y_a=1)
    with pytest.raises(DataError) as caught:
        Pairs(1, folder=str(tmp_path / "three"))
    assert str(caught.value) == (
        f"{tmp_path}/three: {tmp_path}/three/y_a.png without a partner. "
        "For each name ending in _a one ending in _b is needed."
    )


def test_files_with_neither_suffix(tmp_path: Path) -> None:
    write(tmp_path, x_a=1, x_b=1, other=1)
    with pytest.raises(DataError) as caught:
        Pairs(1, folder=str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path}: {tmp_path}/other.png with neither suffix. "
        "Names must end in _a or _b, extensions aside."
    )


def test_one_name_twice(tmp_path: Path) -> None:
    write(tmp_path, x_a=1, x_b=1)
    Image.new("L", (5, 4)).save(tmp_path / "x_a.bmp")
    with pytest.raises(DataError) as caught:
        Pairs(1, folder=str(tmp_path))
    assert str(caught.value) == (
        f"{tmp_path}/x_a.png: x_a.bmp in the same folder has this name too. "
        "A pair has one file for each image."
    )


def test_pairs_of_different_sizes(tmp_path: Path) -> None:
    write(tmp_path, x_a=1)
    Image.new("L", (4, 5)).save(tmp_path / "x_b.png")
    with pytest.raises(DataError) as caught:
        Pairs(1, folder=str(tmp_path))
    assert str(caught.value) == (
        "x: the images of this pair have the shapes (1, 4, 5) and (1, 5, 4). "
        "Both images of a pair must have the same size."
    )


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, "no folder"),
        ({"first": "a"}, "first"),
        ({"second": "a"}, "second"),
        ({"first": "a", "folder": "c"}, "first and folder"),
        ({"first": "a", "second": "b", "folder": "c"}, "first and second and folder"),
    ],
)
def test_pairs_need_two_folders_or_one(given: dict[str, str], found: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        Pairs(1, **given)  # type: ignore[arg-type]
    assert str(caught.value) == (
        f"pairs source: {found} given. Give first and second, or folder alone."
    )


@pytest.mark.parametrize("suffixes", [["_a", "_a"], ["a", "_a"], ["", "_b"], ["_a"]])
def test_suffixes_must_differ(tmp_path: Path, suffixes: list[str]) -> None:
    with pytest.raises(ArgumentError) as caught:
        Pairs(1, folder=str(tmp_path), suffixes=suffixes)
    assert str(caught.value) == (
        f"pairs source: suffixes are {suffixes}. "
        "Give two texts, neither of which ends in the other, such as _a and _b."
    )


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_names_in_other_characters_are_the_same(tmp_path: Path, forms: tuple[str, str]) -> None:
    name = "\u00e9t\u00e9/caf\u00e9"
    for side, form in zip(("one", "two"), forms, strict=True):
        write(tmp_path / side, **{unicodedata.normalize(form, name).replace("/", "__"): 1})
    pairs = Pairs(1, first=str(tmp_path / "one"), second=str(tmp_path / "two"))
    assert pairs.names == (name,)
    suffix = unicodedata.normalize(forms[0], "_\u00e0")
    write(tmp_path / "both", **{f"x{unicodedata.normalize(forms[1], suffix)}": 1, "x_b": 2})
    pairs = Pairs(1, folder=str(tmp_path / "both"), suffixes=[suffix, "_b"])
    assert levels(pairs.first) == [1]


def test_pairs_of_ome_stacks(tmp_path: Path) -> None:
    for name, level in (("s_a.ome.tif", 1), ("s_b.ome.tif", 2)):
        tifffile.imwrite(tmp_path / name, np.full((4, 5), level, np.uint8))
    assert Pairs(1, folder=str(tmp_path)).names == ("s",)


def test_what_was_left_out_is_remarked(tmp_path: Path) -> None:
    write(tmp_path / "one", x=1, y=3)
    write(tmp_path / "two", x=2, y=4)
    (tmp_path / "two" / "notes.txt").touch()
    pairs = Pairs(1, first=str(tmp_path / "one"), second=str(tmp_path / "two"))
    remark = f"{tmp_path}/two: 2 picture files; left out: 1 .txt (notes.txt)"
    assert pairs.remarks == (remark,)
    assert Folder(str(tmp_path / "two"), 1).remarks == (remark,)
    assert Demo(channels=1, folder=str(tmp_path / "two")).remarks == (remark,)
    assert Folder(str(tmp_path / "one"), 1).remarks == ()


def test_folders_that_look_like_bursts(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)
    for scene in ("scene a", "scene b"):
        clean = np.kron(draws.uniform(40, 200, (4, 4)), np.ones((8, 8)))
        (tmp_path / scene).mkdir()
        for shot in range(2):
            noisy = (clean + draws.normal(0, 10, clean.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(tmp_path / scene / f"{shot}.png")
    assert Folder(str(tmp_path), channels=1).remarks == (
        f"{tmp_path}: the pictures of each folder in it show one scene (2 in scene a), and are "
        "taken for scenes of their own. For noisy shots of each scene write burst: before its name",
    )
    (tmp_path / "scene b" / "1.png").unlink()
    assert Folder(str(tmp_path), channels=1).remarks == ()


# pkl


def images(count: int = 3, channels: int = 3) -> Tensor:
    return torch.arange(count, dtype=torch.uint8)[:, None, None, None].repeat(1, channels, 4, 5)


@pytest.mark.parametrize("container", [tuple, list])
def test_a_file_of_pairs(tmp_path: Path, container: type) -> None:
    torch.save(container([images(), images() + 50]), tmp_path / "train.pkl")
    pairs = PicklePairs(str(tmp_path / "train.pkl"), channels=3, second_is_clean=True)
    assert pairs.names == ("train.pkl[0]", "train.pkl[1]", "train.pkl[2]")
    assert (levels(pairs.first), levels(pairs.second)) == ([0, 1, 2], [50, 51, 52])
    assert pairs.second_is_clean


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"a": 1}, f"holds a dict. {FORMAT}"),
        ((images(), images(), images()), f"holds a tuple of 3. {FORMAT}"),
        ((images(), "text"), f"the second item is a str. {FORMAT}"),
        (
            (images().float(), images()),
            f"the first tensor is float32 of shape (3, 3, 4, 5). {FORMAT}",
        ),
        ((images(), images()[0]), f"the second tensor is uint8 of shape (3, 4, 5). {FORMAT}"),
        ((images(0), images(0)), f"the first tensor is uint8 of shape (0, 3, 4, 5). {FORMAT}"),
        ((images(3), images(2)), f"the shapes are (3, 3, 4, 5) and (2, 3, 4, 5). {FORMAT}"),
        (
            (images(3, 1), images(3, 1)),
            "has 1 channel, and the architecture takes 3. Set input.channels = 1.",
        ),
    ],
)
def test_files_of_something_else(tmp_path: Path, content: object, expected: str) -> None:
    path = tmp_path / "pairs.pkl"
    torch.save(content, path)
    with pytest.raises(DataError) as caught:
        PicklePairs(str(path), channels=3)
    assert str(caught.value) == f"{path}: {expected}"


def test_damaged_files(tmp_path: Path) -> None:
    path = tmp_path / "pairs.pkl"

    def message() -> str:
        with pytest.raises(DataError) as caught:
            PicklePairs(str(path), channels=3)
        return str(caught.value)

    assert message() == f"{path}: no such file. {FORMAT}"
    path.touch()
    assert message() == f"{path}: the file is empty. {FORMAT}"
    path.write_text("text")
    assert message() == f"{path}: damaged, or not a file of this kind. {FORMAT}"
    torch.save((images(), images()), path)
    content = path.read_bytes()
    for kept in (0.1, 0.5, 0.95):
        path.write_bytes(content[: int(kept * len(content))])
        assert message() == f"{path}: damaged, or not a file of this kind. {FORMAT}"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")
    assert message() == (
        f"{path}: a Git LFS pointer, not the file itself: fetch it with git lfs pull. {FORMAT}"
    )
    path.unlink()
    path.mkdir()
    assert message() == f"{path}: is a folder. {FORMAT}"
