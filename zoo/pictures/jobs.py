"""Which picture files to make new ones of, and what those are called.

What can go wrong with names is found before the first file is worked on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from zoo.errors import UsageError, printable
from zoo.files import require_folder
from zoo.pictures.folders import (
    FORMAT_OF_ENDING,
    Found,
    ending_of,
    find_pictures,
    format_of,
    split_ending,
)

STANDARD = Path("-")  # the standard input or output


@dataclass(frozen=True)
class Job:
    """A file to read and the one to write.

    Attributes:
        source, target: files, or ``STANDARD``.
        format: of the target; None for that of the source.
        done: the target is there from before, and is to be left as it is.
    """

    source: Path
    target: Path
    format: str | None = None
    done: bool = False


@dataclass(frozen=True)
class Outputs:
    """Where outputs go, how they are named, and what may happen to files that are there.

    Attributes:
        path: a file, a folder (surely so where it ends in a slash), ``-``, or None for files beside
            their sources.
        suffix: stands before the ending of a file that is written beside its source.
        format: the format to write; None for that of the source, or of the ending of ``path``.
        overwrite: files that are there are replaced.
        skip_existing: files that are there are left, and their sources are not worked on.
    """

    path: str | None
    suffix: str
    format: str | None = None
    overwrite: bool = False
    skip_existing: bool = False

    def __post_init__(self) -> None:
        if self.overwrite and self.skip_existing:
            raise UsageError("--overwrite and --skip-existing: choose one of them.")


def plan_extra(path: Path, jobs: Sequence[Job], outputs: Outputs) -> None:
    """Refuse a further file to write if that would harm another.

    Raises:
        UsageError: it is an input, an output, or there already and may not be replaced.
    """
    here = os.path.realpath(path)
    if any(here in (os.path.realpath(job.source), os.path.realpath(job.target)) for job in jobs):
        raise UsageError(f"{_name(path)}: is an input or an output. Use another name.")
    if path.is_dir():
        raise UsageError(f"{_name(path)}: is a folder. Use the name of a file.")
    if os.path.lexists(path) and not outputs.overwrite and not all(job.done for job in jobs):
        raise UsageError(f"{_name(path)}: is there already. Use another name, or --overwrite.")
    require_folder(_name(path), path)


def plan_jobs(
    inputs: Sequence[Path], outputs: Outputs, remark: Callable[[str], object] = lambda _: None
) -> list[Job]:
    """The jobs of a command, in order.

    Args:
        inputs: files, folders, which are walked, or ``STANDARD`` alone.
        outputs: what becomes of them.
        remark: called with a line for each folder of which something is left out.

    Raises:
        UsageError: names collide, or outputs are there that may not be replaced.
        DataError: a folder has no pictures, or cannot be read.
    """
    if STANDARD in inputs and len(inputs) > 1:
        raise UsageError("-: stands for the standard input, which must be the only input.")
    several = len(inputs) > 1 or inputs[0].is_dir()
    path = None if outputs.path is None else Path(outputs.path)
    if path == STANDARD or (path is None and inputs[0] == STANDARD):
        if several:
            raise UsageError("-o -: the standard output takes one picture. Use a folder.")
        jobs = [Job(inputs[0], STANDARD, outputs.format)]
    elif path is not None and not several and not _is_folder(path, outputs):
        jobs = [_to_file(inputs[0], path, outputs)]
    else:
        if path is not None and path.exists() and not path.is_dir():
            raise UsageError(f"{_name(path)}: is a file, and several pictures need a folder.")
        if inputs[0] == STANDARD:
            raise UsageError(f"{_name(path)}: is a folder. Use a file for the standard input.")
        jobs = list(_unique(_jobs(inputs, path, outputs, remark)))
        if path is None:
            jobs = _without_outputs(jobs)
    _check(jobs)
    return _existing(jobs, outputs)


def _is_folder(path: Path, outputs: Outputs) -> bool:
    """Whether the output of one file goes into the folder ``path``, which a slash at its end says.

    Raises:
        UsageError: it is a folder without that.
    """
    if str(outputs.path).endswith(os.sep):
        return True
    if path.is_dir():
        raise UsageError(
            f"{_name(path)}: is a folder, and the input is one file. "
            f"Use {_name(path)}{os.sep} to write into it."
        )
    return False


def _to_file(source: Path, target: Path, outputs: Outputs) -> Job:
    """The job that writes one file of a given name."""
    named = format_of(target.name)
    if named is None:
        endings = ", ".join(FORMAT_OF_ENDING)
        raise UsageError(
            f"{_name(target)}: its ending is not a picture's. Use one of {endings}, "
            f"or {_name(target)}{os.sep} for a folder."
        )
    if outputs.format not in (None, named):
        raise UsageError(
            f"{_name(target)}: its ending is not one of {outputs.format}. Use the same for both."
        )
    return Job(source, target, named)


def _jobs(
    inputs: Sequence[Path], out: Path | None, outputs: Outputs, remark: Callable[[str], object]
) -> Iterator[Job]:
    """A job for each file, and for each picture in each folder."""
    for path in inputs:
        folder = path if path.is_dir() else path.parent
        found = find_pictures(path, out) if path.is_dir() else Found((path,), "")
        if found.remark:
            remark(found.remark)
        for source in found.pictures:
            yield Job(source, _target(source, folder, out, outputs), outputs.format)


def _target(source: Path, root: Path, out: Path | None, outputs: Outputs) -> Path:
    """Where the output of a file goes that was found below the folder ``root``."""
    stem, ending = split_ending(source.name)
    if outputs.format not in (None, format_of(source.name)):
        ending = ending_of(str(outputs.format))
    if out is None:
        return source.with_name(f"{stem}{outputs.suffix}{ending}")
    return out / source.parent.relative_to(root) / f"{stem}{ending}"


def _unique(jobs: Iterator[Job]) -> Iterator[Job]:
    """Without a file that was named before."""
    seen = set()
    for job in jobs:
        key = os.path.realpath(job.source), job.target
        if key not in seen:
            seen.add(key)
            yield job


def _without_outputs(jobs: Sequence[Job]) -> list[Job]:
    """Without files that are outputs of others, as ``*.png`` has them the second time."""
    targets = {os.path.realpath(job.target) for job in jobs}
    return [job for job in jobs if os.path.realpath(job.source) not in targets]


def _check(jobs: Sequence[Job]) -> None:
    """Refuse jobs that would write over each other's files."""
    sources = {os.path.realpath(job.source) for job in jobs}
    writers: dict[str, Path] = {}
    for job in jobs:
        if job.target == STANDARD:
            continue
        target = os.path.realpath(job.target)
        output = f"{_name(job.target)}: would be the output of {_name(job.source)}"
        if target in sources:
            raise UsageError(f"{output}, and is an input. Use another output.")
        if target in writers:
            raise UsageError(f"{output} and of {_name(writers[target])}. Use a command for each.")
        if job.target.is_dir():
            raise UsageError(f"{output}, and is a folder. Use another output.")
        writers[target] = job.source


def _existing(jobs: Sequence[Job], outputs: Outputs) -> list[Job]:
    """The jobs, those marked whose output is there and is left.

    Raises:
        UsageError: outputs are there, and nothing was said of them.
    """
    if outputs.overwrite:
        return list(jobs)
    there = [job for job in jobs if job.target != STANDARD and os.path.lexists(job.target)]
    if there and not outputs.skip_existing:
        are = "are" if len(there) > 2 else "is"
        more = f", as {are} {len(there) - 1} more" if len(there) > 1 else ""
        raise UsageError(
            f"{_name(there[0].target)}: is there already{more}. "
            "Use --skip-existing to go on without it, or --overwrite."
        )
    left = set(there)
    return [replace(job, done=job in left) for job in jobs]


def _name(path: Path | None) -> str:
    return printable(str(path))
