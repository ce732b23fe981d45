"""What was found out once: a file of lines that several processes add to.

What is known of a name holds while a stamp is the same, such as that of a file. Losing a line, or
the file, costs the time to find out again, and nothing else: so lines are added without a lock, and
each has a checksum.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from zoo.errors import WriteError
from zoo.files import append_regular, open_regular, write_atomically

Stamp = tuple[int, ...]

MOST = 2**29  # bytes that are read: of a million pictures
LONGEST = 2**16  # bytes of a line
OLD = 4  # lines for each that counts, before the file is written anew
SETTLED = 2 * 10**9  # nanoseconds: the coarsest clock of a file system


def stamp_of(status: os.stat_result) -> Stamp:
    """What changes when a file does: size, times in nanoseconds, and which file it is."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def is_settled(stamp: Stamp, now: int) -> bool:
    """Whether a file that changes after ``now``, by a clock in nanoseconds, gets another stamp."""
    return max(stamp[1:3]) + SETTLED < now


class Known:
    """What is known of names.

    Args:
        path: the file; nothing is known where there is none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, tuple[Stamp, str]] = {}
        self._new: list[bytes] = []
        lines = 0
        with suppress(OSError, ValueError, TypeError), open_regular(path) as stream:
            for name, stamp, value in _lines(stream):
                self._values[name] = stamp, value
                lines += 1
        if lines > OLD * len(self._values):
            self._write_anew()

    def get(self, name: str, stamp: Stamp) -> str | None:
        """What is known of a name if the stamp is still that; None for nothing."""
        before, value = self._values.get(name, (None, ""))
        return value if before == stamp else None

    def note(self, name: str, stamp: Stamp, value: str) -> None:
        """Keep what was found out."""
        self._values[name] = stamp, value
        self._new.append(_line(name, stamp, value))

    def save(self) -> None:
        """Add what is new to the file, if that can be."""
        new, self._new = self._new, []
        if new:
            with suppress(OSError), append_regular(self._path) as stream:
                stream.write(b"\n" + b"".join(new))  # a line before may have no end

    def _write_anew(self) -> None:
        lines = (_line(name, *known) for name, known in self._values.items())
        with suppress(WriteError):
            write_atomically(self._path, lambda stream: stream.writelines(lines))


def _line(name: str, stamp: Sequence[int], value: str) -> bytes:
    text = json.dumps([name, list(stamp), value]).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _lines(stream: BinaryIO) -> Iterator[tuple[str, Stamp, str]]:
    while stream.tell() < MOST and (line := stream.readline(LONGEST)):
        checksum, _, text = line.strip().partition(b" ")
        if checksum == b"%08x" % zlib.crc32(text):
            name, stamp, value = json.loads(text)
            yield name, tuple(stamp), value
