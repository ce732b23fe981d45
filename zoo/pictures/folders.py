"""Picture files in folders, and the endings that they are known by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import DataError, listed, printable

# The first of each format is the one that new files get.
FORMAT_OF_ENDING: Mapping[str, str] = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".webp": "WEBP",
}

OUTPUT = ".denoised"  # stands before the ending of a file that is written beside its source
BESIDE_OUTPUT = (".noisy", ".clean", ".second")  # what zoo evaluate writes beside such a file
RUN = "architecture.toml"  # in the folder of a run, with one of these:
CACHE = "zoo-picture-cache.txt"  # in the folder of a cache of decoded pictures
OF_CACHES = "of zoo's caches"
IN_RUN = ("environment.json", "last.pkl", "best.pkl", "metrics.jsonl")

# In lower case: what other programs leave beside pictures. Many of the folders hold thumbnails.
OTHER_PROGRAMS = (
    *("@eadir", ".thumbnails", ".@__thumb", ".picasaoriginals", "__macosx", "lost+found"),
    *("#recycle", "@recycle", "#snapshot", "$recycle.bin", "system volume information"),
    *("thumbs.db", "ehthumbs.db", ".ds_store", "desktop.ini", "icon\r"),
)


@dataclass(frozen=True)
class Found:
    """What there is in a folder and below it.

    Attributes:
        pictures: picture files, in the order of their paths in the folder.
        remark: a line that says what was left out, and why; "" for nothing.
    """

    pictures: tuple[Path, ...]
    remark: str


def format_of(name: str) -> str | None:
    """The format that a file's ending stands for, None for other files."""
    return FORMAT_OF_ENDING.get(Path(name).suffix.lower())


def ending_of(file_format: str) -> str:
    """The usual ending of a format's files."""
    return next(ending for ending, known in FORMAT_OF_ENDING.items() if known == file_format)


def split_ending(name: str) -> tuple[str, str]:
    """A name without its ending, and the ending, of which OME stacks have two: ``.ome.tif``."""
    ending = Path(name).suffix
    stem = name.removesuffix(ending)
    if stem.lower().endswith(".ome"):
        stem, ending = stem[:-4], stem[-4:] + ending
    return stem, ending


def find_pictures(folder: Path, out: Path | None = None) -> Found:
    """The picture files in a folder and below it.

    Linked folders are followed, each folder once. What zoo has written itself is left out (folders
    of runs, outputs), and so are hidden files and what other programs keep beside pictures.

    Args:
        folder: where to look.
        out: a folder that is left out.

    Raises:
        DataError: there are none, or a folder cannot be read.
    """
    walk = _Walk(folder, out)
    walk.all()
    pictures = sorted(walk.pictures, key=lambda path: path.relative_to(folder).as_posix())
    left_out = "; ".join(
        f"{len(paths)} {reason} ({listed(path.relative_to(folder).as_posix() for path in paths)})"
        for reason, paths in sorted(walk.left_out.items())
    )
    where = printable(str(folder))
    if not pictures:
        endings = ", ".join(FORMAT_OF_ENDING)
        also = f" Left out: {left_out}." if left_out else ""
        raise DataError(f"{where}: has no picture files. Their names end in {endings}.{also}")
    if set(walk.left_out) == {OF_CACHES}:  # which nobody misses
        left_out = ""
    count = f"{len(pictures)} picture file{'s' * (len(pictures) > 1)}"
    return Found(tuple(pictures), f"{where}: {count}; left out: {left_out}" if left_out else "")


class _Walk:
    """Looks through a folder: first what is in it, then what links in it lead to."""

    def __init__(self, root: Path, out: Path | None) -> None:
        self.pictures: list[Path] = []
        self.left_out: dict[str, list[Path]] = {}
        self._links = [root]
        self._above = set(Path(os.path.realpath(root)).parents)
        self._seen = set() if out is None else set(_identity(out)) - set(_identity(root))

    def all(self) -> None:
        """Walk; links come after all folders, so that a folder is found under its own name."""
        for link in self._links:  # which grows meanwhile
            if Path(os.path.realpath(link)) in self._above:
                self._leave_out(link, "linked to a folder above")
            else:
                self._folder(link)

    def _folder(self, folder: Path) -> None:
        identity = set(_identity(folder))
        if identity & self._seen:
            self._leave_out(folder, "there already, or the output folder")
            return
        self._seen |= identity
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise _unreadable(error) from error
        names = {entry.name for entry in found}
        if RUN in names and names.intersection(IN_RUN):
            self._leave_out(folder, "of zoo's runs")
            return
        if CACHE in names:
            self._leave_out(folder, OF_CACHES)
            return
        outputs = set(_outputs(names))
        for entry in found:
            path = folder / entry.name
            if reason := _reason(entry.name):
                self._leave_out(path, reason)
            elif _is_folder(entry):
                if entry.is_symlink():
                    self._links.append(path)
                else:
                    self._folder(path)
            elif format_of(entry.name) is None:
                self._leave_out(path, path.suffix.lower() or "without a suffix")
            elif entry.name in outputs:
                self._leave_out(path, "of zoo's outputs")
            else:
                self.pictures.append(path)

    def _leave_out(self, path: Path, reason: str) -> None:
        self.left_out.setdefault(reason, []).append(path)


def _reason(name: str) -> str:
    """Why a file or folder of this name is not looked at; "" where it is."""
    if name.lower() in OTHER_PROGRAMS or name.startswith("._"):
        return "of other programs"
    return "hidden" if name.startswith(".") else ""


def _outputs(names: Iterable[str]) -> Iterator[str]:
    """Those of a folder's files that ``zoo denoise`` or ``zoo evaluate`` has written."""
    stems = {name: split_ending(name)[0] for name in names}
    sources = {stem.removesuffix(OUTPUT) for stem in stems.values() if stem.endswith(OUTPUT)}
    own = {source + end for source in sources for end in (OUTPUT, *BESIDE_OUTPUT)}
    yield from (name for name, stem in stems.items() if stem in own)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _identity(folder: Path) -> Iterator[tuple[int, int]]:
    """What a folder has in common with all its names; nothing where it is not there."""
    try:
        status = folder.stat()
    except OSError:
        return
    yield status.st_dev, status.st_ino


def _unreadable(error: OSError) -> DataError:
    reason = {
        FileNotFoundError: "no such folder",
        NotADirectoryError: "not a folder",
        PermissionError: "permission denied",
    }.get(type(error), str(error.strerror))
    return DataError(f"{printable(str(error.filename))}: {reason}. Give a folder of images.")
