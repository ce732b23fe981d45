"""Which numbered picture files are frames of one film, and which of them follow each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import PurePosixPath

from zoo.errors import DataError, first_of, listed
from zoo.pictures.folders import split_ending

NUMBER = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Film:
    """Frames whose names differ in one number only.

    Attributes:
        name: that of its frames, with ``*`` in the place of the number.
        frames: the name of the frame of each number, in their order.
    """

    name: str
    frames: Mapping[int, str]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Frames whose numbers follow each other."""
        following = pairwise(self.frames.items())
        return [(first, second) for (n, first), (m, second) in following if m == n + 1]

    @property
    def gaps(self) -> list[str]:
        """The frames after which a number is missing."""
        following = pairwise(self.frames.items())
        return [first for (n, first), (m, _) in following if m > n + 1]


def find_films(names: Sequence[str]) -> list[Film]:
    """The films that picture files are frames of, in the order of their names.

    Names of a film are of one folder and differ in one number: the last that differs among those
    that are alike in everything but numbers. In ``a_2_001``, ``a_2_002``, ``b_2_001``, ``b_2_002``
    there are two films of two frames.

    Args:
        names: paths of files, each with a single picture.

    Raises:
        DataError: a film has a single frame, as one whose name has no number; two frames have the
            same number; or of a film no frame follows another.
    """
    films: list[Film] = []
    for _, group in groupby(sorted(names, key=_words), _words):
        films += _films_of([*group])
    for film in films:
        if len(film.frames) == 1:
            raise DataError(
                f"{film.frames[min(film.frames)]}: is a single frame. Frames are two or more of a "
                "film: pages of a TIFF, or pictures whose names differ in a number, as in a_1, a_2."
            )
        if not film.pairs:
            numbers = first_of([str(number) for number in film.frames])
            raise DataError(
                f"{film.name}: no frame follows another: their numbers are {numbers}. "
                "Give them the numbers 1, 2, 3 and so on."
            )
    return sorted(films, key=lambda film: natural(film.name))


def film_remarks(films: Sequence[Film]) -> list[str]:
    """What the user should know of films in folders: how many there are, and their gaps."""
    remarks = []
    folders = {PurePosixPath(film.name).parent for film in films}
    if len(films) > len(folders):
        remarks.append(f"{len(films)} films by their names ({listed(it.name for it in films)})")
    if gaps := [name for film in films for name in film.gaps]:
        remarks.append(
            f"{len(gaps)} gap{'s' * (len(gaps) > 1)} in the numbers of the frames (after "
            f"{listed(gaps)}), across which there are no pairs"
        )
    return remarks


def natural(name: str) -> list[tuple[bool, int, str]]:
    """Orders numbers in a name by their value: ``frame_9`` comes before ``frame_10``."""
    parts = NUMBER.split(name)
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def _parts(name: str) -> list[str]:
    """A file's name without folder and ending, cut into words and, at odd places, numbers."""
    return NUMBER.split(split_ending(PurePosixPath(name).name)[0])


def _words(name: str) -> tuple[str, ...]:
    """The folder of a file, and what stands between the numbers of its name."""
    return PurePosixPath(name).parent.as_posix(), *_parts(name)[::2]


def _films_of(names: Sequence[str]) -> list[Film]:
    """The films among names that are alike in everything but numbers."""
    numbers = {name: [int(part) for part in _parts(name)[1::2]] or [0] for name in names}
    count = len(numbers[names[0]])
    differing = [i for i in range(count) if len({found[i] for found in numbers.values()}) > 1]
    place = max(differing, default=count - 1)
    films: dict[tuple[int, ...], dict[int, str]] = {}
    for name in sorted(names, key=lambda name: numbers[name]):
        number = numbers[name].pop(place)
        frames = films.setdefault(tuple(numbers[name]), {})
        if number in frames:
            raise DataError(
                f"{name}: has the number of {frames[number]}. Each frame of a film has its own."
            )
        frames[number] = name
    return [Film(_label(frames[min(frames)], place), frames) for frames in films.values()]


def _label(name: str, place: int) -> str:
    """A name with ``*`` in the place of one of its numbers, if it has any."""
    parts = _parts(name)
    parts[2 * place + 1 : 2 * place + 2] = "*"
    return PurePosixPath(name).with_name("".join(parts)).as_posix()
