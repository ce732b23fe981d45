"""The user's own pairs: two folders, or one folder with two suffixes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from zoo.data.cache.cache import PictureCache
from zoo.data.images import read_images
from zoo.data.pages import page_names
from zoo.data.sets import ImagePairs
from zoo.data.stored import Image
from zoo.errors import DataError, listed
from zoo.pictures.folders import Found, find_pictures, split_ending
from zoo.pictures.values import ValueRange
from zoo.spec.constraints import folders_of_pairs


def Pairs(  # noqa: N802 - see the package
    channels: int,
    first: str | None = None,
    second: str | None = None,
    folder: str | None = None,
    suffixes: Sequence[str] = ("_a", "_b"),
    second_is_clean: bool = False,
    value_range: ValueRange | None = None,
    picture_cache: PictureCache | None = None,
) -> ImagePairs:
    """Pairs of images of the same scene.

    Args:
        channels: C of the images.
        first, second: two folders; files with the same path in both, extension aside, are a pair.
        folder: one folder instead; files whose names, extension aside, differ only in the suffix
            are a pair.
        suffixes: two endings of names, neither of which ends in the other.
        second_is_clean: whether the second image of each pair is clean instead of noisy.
        value_range: values of black and white; None for those of each file's type.
        picture_cache: where decoded pictures are kept; None for memory.

    Raises:
        ArgumentError: not exactly one of (``first`` and ``second``) and ``folder``, or suffixes
            that cannot be told apart.
        DataError: a file has no partner or cannot be read, or the images of a pair differ in size.
    """
    folders_of_pairs(
        "pairs source",
        {"first": first, "second": second, "folder": folder, "suffixes": suffixes},
    )
    if first is not None and second is not None:
        found = [find_pictures(Path(path)) for path in (first, second)]
        sides = _side(Path(first), found[0]), _side(Path(second), found[1])
        where = f"{first} and {second}"
        rule = "In both folders the same file names are needed, extensions aside."
    else:
        assert folder is not None  # else the check has refused
        found = [find_pictures(Path(folder))]
        one, other = (_side(Path(folder), found[0], _normal(suffix)) for suffix in suffixes)
        sides = one, other
        if others := set(found[0].pictures).difference(*(side.values() for side in sides)):
            raise DataError(
                f"{folder}: {_listed(others)} with neither suffix. "
                f"Names must end in {suffixes[0]} or {suffixes[1]}, extensions aside."
            )
        where = folder
        rule = f"For each name ending in {suffixes[0]} one ending in {suffixes[1]} is needed."
    unmatched = [side[key] for side, other in (sides, sides[::-1]) for key in side.keys() - other]
    if unmatched:
        raise DataError(f"{where}: {_listed(unmatched)} without a partner. {rule}")
    keys = sorted(sides[0])
    paths = [side[key] for side in sides for key in keys]
    remarks = tuple(each.remark for each in found if each.remark)
    files = read_images(paths, channels, value_range=value_range, picture_cache=picture_cache)
    return _pairs(keys, files, second_is_clean, remarks)


def _side(folder: Path, found: Found, suffix: str = "") -> dict[str, Path]:
    """The files whose names end in ``suffix``, by their path without suffix and extension.

    The path is in Unicode's composed form: systems write one name in different characters.
    """
    side: dict[str, Path] = {}
    for path in found.pictures:
        stem = _normal(split_ending(path.name)[0])
        if not stem.endswith(suffix):
            continue
        parent = _normal(path.relative_to(folder).parent.as_posix())
        name = (Path(parent) / stem.removesuffix(suffix)).as_posix()
        if name in side:
            raise DataError(
                f"{path}: {side[name].name} in the same folder has this name too. "
                "A pair has one file for each image."
            )
        side[name] = path
    return side


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _listed(paths: Iterable[Path]) -> str:
    return listed(str(path) for path in sorted(paths))


def _pairs(
    names: Sequence[str],
    contents: Sequence[Sequence[Image]],
    second_is_clean: bool,
    remarks: tuple[str, ...],
) -> ImagePairs:
    """The pairs of the pages of files, the first of all pairs before the second."""
    page_lists = list(zip(contents[: len(names)], contents[len(names) :], strict=True))
    pair_names: list[str] = []
    files: list[str] = []
    for name, (first, second) in zip(names, page_lists, strict=True):
        if len(first) != len(second):
            raise DataError(
                f"{name}: the files of this pair have {len(first)} and {len(second)} pages. "
                "Both must have as many."
            )
        pair_names += page_names(name, len(first))
        files += [name] * len(first)

    def flat(side: int) -> tuple[Image, ...]:
        return tuple(page for pages in page_lists for page in pages[side])

    return ImagePairs(
        tuple(pair_names),
        flat(0),
        flat(1),
        second_is_clean,
        files=tuple(files),
        remarks=remarks,
    )
