"""Files to a worker and back, part by part: neither side has a whole one in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from zoo.cluster.links import WorkerLink
from zoo.cluster.remote import (
    PART,
    files_of,
    install,
    read_part,
    remove,
    write_file,
    write_part,
)
from zoo.errors import DataError
from zoo.files import flush_folder
from zoo.temporary import reserved


def send(link: WorkerLink, source: Path, target: str) -> None:
    """Send a file or folder; it is there under its name when all of it is.

    Args:
        link: the worker.
        source: the file or folder here.
        target: the path there.

    Raises:
        LostWorkerError: the worker is gone.
        OSError: the files cannot be read here, or written there.
    """
    if source.is_file() and source.stat().st_size < PART:
        link.call(write_file, target, source.read_bytes())
        return
    arriving = f"{target}.arriving"
    link.call(remove, [arriving])
    for name, _ in files_of(str(source)):
        with (source / name).open("rb") as stream:
            start, more = 0, True
            while more:
                part = stream.read(PART)
                link.call(write_part, f"{arriving}/{name}".rstrip("/"), start, part)
                start += len(part)
                more = len(part) == PART
    link.call(install, arriving, target)


def parts(link: WorkerLink, path: str) -> Iterator[bytes]:
    """The bytes of a worker's file, in parts.

    Raises:
        LostWorkerError: the worker is gone.
        OSError: the file cannot be read there.
    """
    start, more = 0, True
    while more:
        part: bytes = link.call(read_part, path, start)
        yield part
        start += len(part)
        more = len(part) == PART


def fetch_folder(link: WorkerLink, source: str, target: Path) -> None:
    """Take a folder back, in the place of the one that is here, which is gone only then.

    Args:
        link: the worker.
        source: the folder there.
        target: the folder here, an older state of the same.

    Raises:
        LostWorkerError: the worker is gone.
        DataError: the worker names files that are outside of its folder.
        OSError: the files cannot be read there, or written here.
    """
    with reserved(target, Path.mkdir) as temporary:
        arrived = temporary / "new"
        arrived.mkdir()
        for name, _ in link.call(files_of, source):
            path = arrived.joinpath(*_inside(name, link))
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                for part in parts(link, f"{source}/{name}"):
                    stream.write(part)
        if target.exists():
            target.rename(temporary / "old")
        arrived.rename(target)
    flush_folder(target.parent)


def _inside(name: str, link: WorkerLink) -> tuple[str, ...]:
    names = PurePosixPath(name).parts
    if not names or ".." in names or PurePosixPath(name).is_absolute():
        raise DataError(f"{link.address}: names a file outside of its folder: {name}.")
    return names
