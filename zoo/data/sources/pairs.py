"""The user's own pairs: two folders, or one folder with two suffixes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from torch import Tensor

from zoo.data.images import find_images, page_names, read_images
from zoo.data.sets import ImagePairs
from zoo.errors import DataError
from zoo.pictures.values import ValueRange
from zoo.spec.constraints import folders_of_pairs

SHOWN = 3  # files named in a message


def Pairs(  # noqa: N802 - see the package
    channels: int,
    first: str | None = None,
    second: str | None = None,
    folder: str | None = None,
    suffixes: Sequence[str] = ("_a", "_b"),
    second_is_clean: bool = False,
    value_range: ValueRange | None = None,
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
        sides = _side(Path(first)), _side(Path(second))
        where = f"{first} and {second}"
        rule = "In both folders the same file names are needed, extensions aside."
    else:
        assert folder is not None  # else the check has refused
        sides = _side(Path(folder), suffixes[0]), _side(Path(folder), suffixes[1])
        _refuse_others(Path(folder), sides, suffixes)
        where = folder
        rule = f"For each name ending in {suffixes[0]} one ending in {suffixes[1]} is needed."
    unmatched = [side[key] for side, other in (sides, sides[::-1]) for key in side.keys() - other]
    if unmatched:
        raise DataError(f"{where}: {_listed(unmatched)} without a partner. {rule}")
    keys = sorted(sides[0])
    paths = [side[key] for side in sides for key in keys]
    files = read_images(paths, channels, value_range=value_range)
    return _pairs(keys, files, second_is_clean)


def _side(folder: Path, suffix: str = "") -> dict[str, Path]:
    """The files whose names end in ``suffix``, by their path without suffix and extension."""
    side: dict[str, Path] = {}
    for path in find_images(folder):
        if not path.stem.endswith(suffix):
            continue
        name = path.relative_to(folder).with_suffix("").as_posix().removesuffix(suffix)
        if name in side:
            raise DataError(
                f"{path}: {side[name].name} in the same folder has this name too. "
                "A pair has one file for each image."
            )
        side[name] = path
    return side


def _refuse_others(
    folder: Path, sides: Iterable[Mapping[str, Path]], suffixes: Sequence[str]
) -> None:
    others = set(find_images(folder)).difference(*(side.values() for side in sides))
    if others:
        raise DataError(
            f"{folder}: {_listed(others)} with neither suffix. "
            f"Names must end in {suffixes[0]} or {suffixes[1]}, extensions aside."
        )


def _listed(paths: Iterable[Path]) -> str:
    """``a.png, b.png, c.png and 4 more files``."""
    names = [str(path) for path in sorted(paths)]
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _pairs(
    names: Sequence[str], files: Sequence[Sequence[Tensor]], second_is_clean: bool
) -> ImagePairs:
    """The pairs of the pages of files, the first of all pairs before the second."""
    page_lists = list(zip(files[: len(names)], files[len(names) :], strict=True))
    pair_names: list[str] = []
    for name, (first, second) in zip(names, page_lists, strict=True):
        if len(first) != len(second):
            raise DataError(
                f"{name}: the files of this pair have {len(first)} and {len(second)} pages. "
                "Both must have as many."
            )
        pair_names += page_names(name, len(first))

    def flat(side: int) -> tuple[Tensor, ...]:
        return tuple(page for pages in page_lists for page in pages[side])

    return ImagePairs(tuple(pair_names), flat(0), flat(1), second_is_clean)
