"""The entries of a cache that a command reads, which have to stay as they were when it began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.data.cache.entry import DamagedError, is_whole, read_entry
from zoo.data.cache.known import Stamp, stamp_of
from zoo.data.stored import StoredImage
from zoo.errors import DataError, printable


class ChangedError(DataError):
    """An entry that was changed while it was read: pixels may have been wrong."""


@dataclass(frozen=True)
class _Entry:
    """An entry as it was opened."""

    key: str
    stamp: Stamp
    images: Sequence[StoredImage]


class Opened:
    """The entries that are in use."""

    def __init__(self) -> None:
        self._entries: dict[Path, _Entry] = {}

    def add(self, path: Path, key: str, stamp: Stamp, images: Sequence[StoredImage]) -> None:
        """Remember an entry that is whole.

        Args:
            path: its file.
            key: what it is known by.
            stamp: of the file, from before it was opened.
            images: one or more.
        """
        self._entries[path] = _Entry(key, stamp, images)

    def check(self) -> None:
        """Refuse what was read, unless each entry is as it was; the stamps alone are looked at.

        One with another stamp is read: another command may have replaced it by the same. One that
        is gone was not changed, and whoever reads it finds out.

        Raises:
            ChangedError: one was changed; names it.
        """
        for path, entry in list(self._entries.items()):
            try:
                stamp = stamp_of(path.stat())
            except OSError:
                continue
            if stamp != entry.stamp:
                if not _is_same(path, entry):
                    raise ChangedError(
                        f"{printable(str(path))}: was changed while it was used: pixels that were "
                        "read may be wrong, and what they gave is not kept. Leave the files of a "
                        "cache as they are while it is used; it is decoded again by the next "
                        "command."
                    )
                self.add(path, entry.key, stamp, entry.images)


def _is_same(path: Path, entry: _Entry) -> bool:
    """Whether a file has the content that was opened; reads all of it."""
    try:
        images = read_entry(path, entry.key, entry.images[0].together)
        return images == entry.images and is_whole(images)
    except (OSError, DamagedError, DataError):
        return False
