"""A folder of decoded pictures that several processes fill and read at the same time.

A picture file is known by its path, and by size, times and number of the file: only where one of
them has changed are its bytes hashed. What is decoded is known by that hash, so a file that was
moved or copied is not decoded again, and one that was changed is, whatever its name and times say.
Each entry is checked the same way: its end whenever it is opened, all of its pixels where size,
times or number are not those with which it was last seen whole. One that is damaged is replaced.

Nothing is locked: entries are complete or not there, two processes that decode the same picture
write the same, and each begins at another one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import torch

from zoo.data.cache.entry import DamagedError, is_whole, read_entry, write_entry
from zoo.data.cache.folder import check_folder, is_cache, make_folder, name_of, nearest
from zoo.data.cache.known import Known, Stamp, is_settled, stamp_of
from zoo.data.cache.opened import Opened
from zoo.data.cache.room import Room
from zoo.data.decode import Header, read_header
from zoo.data.images import each, format_bytes
from zoo.data.pages import Page, read_pages
from zoo.data.prefetch import use_one_core
from zoo.data.stored import StoredImage
from zoo.errors import DataError, UsageError, WriteError, printable
from zoo.files import open_regular, require_folder
from zoo.pictures.source import reading
from zoo.pictures.values import ValueRange

FORMAT = 1
DECODERS = ("imagecodecs", "pillow", "tifffile", "numpy")  # another version may decode otherwise
AT_ONCE = 2**27  # bytes of pictures, as they are kept, that are decoded at once; one takes any
THREADS_PER_CORE = 2  # of which one waits for the disk
HASHED_AT_ONCE = 2**20  # bytes
SECONDS_BETWEEN_SAVES = 2.0
WHOLE = "whole"

Progress = Callable[[int, int], object]


class _Looked(NamedTuple):
    """What there is of a picture file.

    Attributes:
        key: what its entry is known by.
        entry: where that is.
        stamp: of the picture file.
        images: None where there is no entry, or a damaged one.
    """

    key: str
    entry: Path
    stamp: Stamp
    images: list[StoredImage] | None


@dataclass(frozen=True)
class _Wanted:
    """A picture file, and what decides how it is decoded."""

    path: Path
    channels: int
    value_range: ValueRange | None
    axes: str | None


class PictureCache:
    """The pictures of a data set, decoded once, on a disk.

    Args:
        folder: made when pictures are put into it, if there is none.
        on_progress: told how many picture files of how many have been looked at, and then how many
            are there; called by the thread that reads.

    Raises:
        UsageError: the folder has other files in it, or cannot be made.

    Attributes:
        is_used: whether pictures were asked for; a source need not.
    """

    def __init__(self, folder: Path, on_progress: Progress = lambda done, total: None) -> None:
        check_folder(folder)
        self.folder = folder
        self.is_used = False
        self._entries = folder / f"pictures-{FORMAT}"
        self._together = Known(folder / "together.txt")
        self._on_progress = on_progress
        self._opened = Opened()
        self._room = Room(AT_ONCE)
        self._decoders = " ".join(f"{name} {_version(name)}" for name in DECODERS)

    def read(
        self,
        paths: Sequence[Path],
        channels: int,
        value_range: ValueRange | None = None,
        axes: str | None = None,
    ) -> list[list[StoredImage]]:
        """The images of each file, which are decoded where they are not in the cache.

        Args:
            paths: picture files.
            channels, value_range, axes: as of :func:`zoo.data.images.read_image`.

        Raises:
            DataError: as of :func:`zoo.data.images.read_image`, for all files that cannot be read;
                or the disk has no room for them.
            UsageError: the folder cannot be written in, and not all of them are there.
        """
        self.is_used = True
        known = Known(self.folder / "known.txt")
        wanted = [_Wanted(path, channels, value_range, axes) for path in paths]
        found: list[list[StoredImage] | None] = []
        missing: list[int] = []
        made: list[list[StoredImage]] = []
        written: list[int] = []
        saved, cores = time.monotonic(), torch.get_num_threads()

        def tell(done: int) -> None:
            nonlocal saved
            self._on_progress(done, len(paths))
            if time.monotonic() > saved + SECONDS_BETWEEN_SAVES:
                self._save(known)
                saved = time.monotonic()

        try:
            threads = THREADS_PER_CORE * (os.cpu_count() or 1)
            with ThreadPoolExecutor(threads, initializer=use_one_core) as pool:
                found = each(pool, lambda it: self._look(it, known).images, wanted, tell)
                missing = [index for index, images in enumerate(found) if images is None]
                headers = each(pool, _header, [wanted[index] for index in missing])
                if missing:
                    self._check_room(headers, channels)
                made = each(
                    pool,
                    lambda it: self._decode(*it, known, written),
                    [(wanted[index], it) for index, it in zip(missing, headers, strict=True)],
                    lambda done: tell(len(paths) - len(missing) + done),
                )
        except OSError as error:  # of an entry: the disk is full, or gone
            there = len(paths) - len(missing) + len(written)
            raise DataError(
                f"{name_of(self.folder)}: cannot be written in: {error.strerror or error}; "
                f"{there:,} of {len(paths):,} files are in it, and the same command goes on. "
                "Make room on its disk first, or use another folder."
            ) from error
        finally:
            torch.set_num_threads(cores)  # which the threads have changed
            self._save(known)
        of_missing = iter(made)
        return [next(of_missing) if images is None else images for images in found]

    def _save(self, known: Known) -> None:
        """Keep what is known, unless the folder was refused."""
        if is_cache(self.folder):
            known.save()

    def check(self) -> None:
        """Refuse what was read, unless all entries that were read are as they were.

        Raises:
            ChangedError: one was changed in the meantime; names it.
        """
        self._opened.check()

    def _look(self, wanted: _Wanted, known: Known) -> _Looked:
        """What there is of a file."""
        path = wanted.path
        with reading(path):
            stamp = stamp_of(path.stat())
            sha256 = known.get(f"picture {path.absolute()}", stamp)
            if sha256 is None:
                now = time.time_ns()
                sha256 = _sha256(path)
                if is_settled(stamp, now) and stamp_of(path.stat()) == stamp:
                    known.note(f"picture {path.absolute()}", stamp, sha256)
        how = f"{sha256} {wanted.channels} {wanted.value_range} {wanted.axes} {self._decoders}"
        key = hashlib.sha256(how.encode()).hexdigest()
        entry = self._entries / key[:2] / f"{key}.pixels"
        return _Looked(key, entry, stamp, self._open(entry, key, known))

    def _decode(
        self, wanted: _Wanted, header: Header, known: Known, written: list[int]
    ) -> list[StoredImage]:
        """The images of a file that was not there before; ``written`` gets an item when they are.

        Raises:
            OSError: they cannot be written.
        """
        looked = self._look(wanted, known)
        if looked.images is not None:  # by another process, or of a file of the same bytes
            written.append(1)
            return looked.images
        key, entry = looked.key, looked.entry
        pages = read_pages(wanted.path, wanted.channels, wanted.value_range, wanted.axes)
        with self._room.hold(header.values * header.value_bytes * wanted.channels):
            entry.parent.mkdir(exist_ok=True)
            _remove_folder(entry)
            try:
                write_entry(entry, key, _unchanged(pages, wanted.path, looked.stamp))
            except WriteError as error:
                raise error.__cause__ or error from None
        stamp = stamp_of(entry.stat())
        known.note(key, stamp, WHOLE)
        images = read_entry(entry, key, self._together)
        self._opened.add(entry, key, stamp, images)
        written.append(1)
        return images

    def _open(self, entry: Path, key: str, known: Known) -> list[StoredImage] | None:
        """The images of an entry that is whole; None for no such entry."""
        try:
            stamp = stamp_of(entry.stat())
            images = read_entry(entry, key, self._together)
            if known.get(key, stamp) is None:
                if not is_whole(images):
                    return None
                known.note(key, stamp, WHOLE)
        except (OSError, DamagedError, DataError):
            return None
        self._opened.add(entry, key, stamp, images)
        return images

    def _check_room(self, headers: Sequence[Header], channels: int) -> None:
        """Refuse, before anything is decoded, what the disk has no room for."""
        needed = sum(header.values * channels * header.value_bytes for header in headers)
        free = shutil.disk_usage(nearest(self.folder)).free
        if needed > free:
            raise DataError(
                f"{name_of(self.folder)}: {len(headers):,} pictures that are not in "
                f"it take up to {format_bytes(needed)}, and {format_bytes(free)} are free on its "
                "disk. Use a folder on another disk, or fewer or smaller images."
            )
        make_folder(self.folder)
        try:
            self._entries.mkdir(exist_ok=True)
        except OSError as error:
            raise UsageError(
                f"{name_of(self.folder)}: not all pictures are in it, and it cannot be written in: "
                f"{error.strerror}. Use another folder."
            ) from error
        require_folder(name_of(self.folder), self._entries / "try")


def _remove_folder(entry: Path) -> None:
    """Remove an empty folder that has the name of an entry.

    Raises:
        UsageError: it is not empty.
    """
    if entry.is_dir():
        try:
            entry.rmdir()
        except OSError as error:
            raise UsageError(
                f"{printable(str(entry))}: is a folder with files in it, where a picture of the "
                "cache has its file. Move it elsewhere, or use another cache."
            ) from error


def _header(wanted: _Wanted) -> Header:
    return read_header(wanted.path, wanted.value_range, wanted.axes)


def _unchanged(pages: Iterable[Page], path: Path, stamp: Stamp) -> Iterator[Page]:
    """The pages of a file, if it is then still as it was."""
    yield from pages
    with reading(path):
        if stamp_of(path.stat()) == stamp:
            return
    raise DataError(f"{path}: was changed while it was read. Read it when it is complete.")


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open_regular(path) as stream:
        while part := stream.read(HASHED_AT_ONCE):
            digest.update(part)
    return digest.hexdigest()


def _version(name: str) -> str:
    with suppress(PackageNotFoundError):
        return version(name)
    return ""
