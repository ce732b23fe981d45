"""What is run on a worker beside the work itself: looking around, and its files, part by part.

All that comes with a call is texts and bytes; names are checked by who writes files of them.
"""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.files import read_regular
from zoo.temporary import PATTERN

PART = 2**22  # bytes that are sent at once
MOST_METRICS = 2**24  # bytes of the figures of a run
SPOOLS = "zoo-spools"  # where Dask looks for packages too: it is no package's name


@dataclass(frozen=True)
class Surroundings:
    """What a worker says of itself.

    Attributes:
        folder: where it has the files of the work: the client's own on a shared disk, else one of
            its host, which outlives it.
        shared: whether that is the client's.
    """

    folder: str
    shared: bool


@dataclass(frozen=True)
class Probe:
    """A file by which a worker tells whether it has the client's disk.

    Attributes:
        name: of the file, in the client's folder.
        content: random, of this file only.
    """

    name: str
    content: str


def look_around(folder: str, probe: Probe | None, spool: str, dask_worker: Any) -> Surroundings:
    """Whether a worker has the client's disk, and where its files are.

    Args:
        folder: of the client.
        probe: a file in it; None where the folder is not to be used.
        spool: the name of a folder of this work on a host that does not have the disk.
        dask_worker: put in by Dask.

    Raises:
        OSError: the folder on its host cannot be made.
    """
    if probe is not None and _is_shared(Path(folder), probe):
        return Surroundings(folder, True)
    own = Path(dask_worker.local_directory).parent / SPOOLS / spool
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Surroundings(str(own), False)


def _is_shared(folder: Path, probe: Probe) -> bool:
    with suppress(OSError):
        same = read_regular(folder / probe.name) == probe.content.encode()
        return same and os.access(folder, os.R_OK | os.W_OK | os.X_OK)
    return False


def progress_of(folder: str, names: list[str]) -> dict[str, int]:
    """How far the runs of these names are that are in a folder and can be gone on with.

    Returns:
        The epochs that each has ended.
    """
    found = {}
    for name in names:
        run = Path(folder, name)
        if any(run.glob("last*.pkl")):
            with suppress(OSError):
                found[name] = read_regular(run / "metrics.jsonl", MOST_METRICS).count(b"\n")
            found.setdefault(name, 0)
    return found


def files_of(path: str) -> list[tuple[str, int]]:
    """The files below a folder, without temporary ones and locks; or that one file.

    Returns:
        The path of each in the folder, "" for a single file, and its bytes.
    """
    root = Path(path)
    if root.is_file():
        return [("", root.stat().st_size)]
    return [
        (found.relative_to(root).as_posix(), found.stat().st_size)
        for found in sorted(root.rglob("*"))
        if found.is_file() and not found.match(PATTERN) and found.suffix != ".lock"
    ]


def read_part(path: str, start: int) -> bytes:
    """The next bytes of a file, :data:`PART` at most; none at its end."""
    with Path(path).open("rb") as stream:
        stream.seek(start)
        return stream.read(PART)


def write_part(path: str, start: int, content: bytes) -> None:
    """Write bytes into a file, which is made with its folder; what is behind them is cut off."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("r+b" if start else "wb") as stream:
        stream.truncate(start)
        stream.seek(start)
        stream.write(content)


def write_file(path: str, content: bytes) -> None:
    """Write a file that is short enough for one call; it is there when it is whole."""
    write_part(f"{path}.arriving", 0, content)
    install(f"{path}.arriving", path)


def install(source: str, target: str) -> None:
    """Put a file or folder that is whole in the place of another, or of none."""
    remove([target])
    Path(source).rename(target)


def remove(paths: list[str]) -> None:
    """Remove files and folders, as far as they are there."""
    for path in map(Path, paths):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
