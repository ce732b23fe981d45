"""The contract of a data source, one check for each clause."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import torch

from zoo.data.sets import Images, all_images
from zoo.data.stored import pixels_of
from zoo.errors import DataError, format_error
from zoo.testing.comparisons import NotApplicable, require
from zoo.testing.randomness import no_global_generator

CHANNELS: Final = (1, 3)
FAR: Final = 8.0  # white is 1; noise may leave [0, 1], but not by so much


@dataclass(frozen=True)
class SourceCase:
    """One way to name data.

    Attributes:
        load: gives the images with so many channels; paths are relative to a folder.
        id: the name of the case in reports and messages.
        files: writes what is read into an empty folder; None where no files are needed.
        expected_failures: names of checks that are known to fail, each with the reason.
    """

    load: Callable[[Path, int], Images]
    id: str
    files: Callable[[Path], None] | None = None
    expected_failures: Mapping[str, str] = field(default_factory=dict)

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A folder with the files, which is there for a while."""
        with TemporaryDirectory() as name:
            folder = Path(name)
            if self.files is not None:
                self.files(folder)
            yield folder


SourceCheck = Callable[[SourceCase], None]


def check_images(case: SourceCase) -> None:
    """Images of so many channels: each with a name of its own, finite, white at 1."""
    refusals = []
    with case.folder() as folder:
        for channels in CHANNELS:
            try:
                data = case.load(folder, channels)
            except DataError as error:  # of other channels, which it may refuse
                refusals.append(str(error))
            else:
                _check_images(case, data, channels)
    require(
        len(refusals) < len(CHANNELS),
        f"{case.id}: gives no images, with 1 channel or with 3. One of them must do. The last was "
        f"refused: {refusals[-1:]}",
    )


def _check_images(case: SourceCase, data: Images, channels: int) -> None:
    twice = sorted({name for name in data.names if data.names.count(name) > 1})
    require(
        not twice,
        f"{case.id}: {len(twice)} names stand for several images: {twice[:3]}. "
        "Give each a name of its own.",
    )
    for image in map(pixels_of, all_images(data)):
        require(
            image.shape[0] == channels,
            f"{case.id}: an image is {tuple(image.shape)}. {channels} channels are asked for.",
        )
        if image.dtype == torch.float32:
            low, high = (value.item() for value in image.aminmax())
            require(
                low >= -FAR and high <= FAR,
                f"{case.id}: values of a float32 image go from {low:g} to {high:g}. "
                "Black is 0 and white is 1.",
            )


def check_same_again(case: SourceCase) -> None:
    """Two reads give the same images in the same order, without a global generator."""
    with case.folder() as folder:
        channels = next((each for each in CHANNELS if _loads(case, folder, each)), CHANNELS[-1])
        with no_global_generator(case.id):
            first, again = (case.load(folder, channels) for _ in range(2))
    require(
        first.names == again.names,
        f"{case.id}: a second read gives other names, or another order. Sort them.",
    )
    require(
        first.hashes == again.hashes,
        f"{case.id}: a second read gives other pixels of the same names.",
    )


def check_missing_files(case: SourceCase) -> None:
    """Files that are not there are a DataError of one line."""
    if case.files is None:
        raise NotApplicable("no files are needed")
    with TemporaryDirectory() as name:
        try:
            case.load(Path(name), CHANNELS[-1])
        except DataError:
            return
        except Exception as error:
            raise AssertionError(
                f"{case.id}: where the files are missing: {format_error(error)}. Raise DataError."
            ) from error
    raise AssertionError(
        f"{case.id}: where the files are missing nothing was raised. Raise DataError."
    )


SOURCE_CHECKS: Final[Sequence[SourceCheck]] = (check_images, check_same_again, check_missing_files)


def gives_images(case: SourceCase) -> bool:
    """Whether it gives images, or fails in a way that is its mistake: with no DataError."""
    with case.folder() as folder:
        try:
            return any(_loads(case, folder, channels) for channels in CHANNELS)
        except Exception:
            return True


def _loads(case: SourceCase, folder: Path, channels: int) -> bool:
    try:
        case.load(folder, channels)
    except DataError:
        return False
    return True
