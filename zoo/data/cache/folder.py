"""The folder of a cache: made, or known again by the file that says what it is."""

from __future__ import annotations

import errno
import stat
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from zoo.errors import UsageError, WriteError, printable
from zoo.files import create_text, read_regular, require_folder
from zoo.pictures.folders import CACHE

TEXT = """Pictures that zoo has decoded, for zoo run --cache and other commands.
Nothing but time is lost with this folder: delete it when no command uses it.
"""
NO_CONTENT = (".zoo-*.tmp", "lost+found", ".DS_Store")  # of another that makes it, of a new disk
MOST = 4096  # bytes of the file that says what a folder is


def check_folder(folder: Path) -> None:
    """Refuse a folder that cannot be that of a cache; nothing stays that is made for a try.

    Raises:
        UsageError: it has other files in it, is no folder, or cannot be made or written in.
    """
    if is_cache(folder):
        return
    try:
        above = nearest(folder)
        others = [it.name for it in folder.iterdir()] if above == folder else []
    except OSError as error:
        raise unusable(folder, error) from error
    others = [name for name in others if not _is_no_content(name)]
    if others and CACHE not in others:
        raise UsageError(
            f"{name_of(folder)}: has other files in it ({printable(min(others))}), and is no cache "
            "of pictures. Use a new or empty folder."
        )
    require_folder(name_of(folder), above / "try")


def make_folder(folder: Path) -> None:
    """Make a folder that of a cache, unless it is that already.

    Raises:
        UsageError: as of :func:`check_folder`.
    """
    if is_cache(folder):
        return
    check_folder(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # another process was faster
            create_text(folder / CACHE, TEXT)
    except OSError as error:
        raise unusable(folder, error) from error
    except WriteError as error:
        raise unusable(folder, error.__cause__) from error


def nearest(folder: Path) -> Path:
    """The folder itself, or of those above it the lowest that is there.

    Raises:
        UsageError: what is there is no folder, or a link that leads nowhere.
        OSError: it cannot be looked at.
    """
    found = next(path for path in (folder, *folder.parents) if _is_there(path))
    try:
        is_folder = stat.S_ISDIR(found.stat().st_mode)
    except OSError as error:
        if not found.is_symlink():
            raise
        wrong = "leads to itself" if error.errno == errno.ELOOP else "leads nowhere"
        raise UsageError(_of_path(folder, found, f"is a link that {wrong}")) from error
    if not is_folder:
        raise UsageError(_of_path(folder, found, "is no folder"))
    return found


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def name_of(folder: Path) -> str:
    """What messages call it."""
    return f"--cache {printable(str(folder))}"


def unusable(folder: Path, error: BaseException | None) -> UsageError:
    """What to raise for a folder that the system refuses."""
    reason = error.strerror if isinstance(error, OSError) else error
    return UsageError(f"{name_of(folder)}: cannot be used: {reason}. Use another folder.")


def _of_path(folder: Path, path: Path, wrong: str) -> str:
    subject = "" if path == folder else f"{printable(str(path))} "
    return f"{name_of(folder)}: {subject}{wrong}. Use another folder."


def is_cache(folder: Path) -> bool:
    """Whether a folder says that it is one of a cache."""
    with suppress(OSError):
        return read_regular(folder / CACHE, MOST).startswith(TEXT.encode()[:30])
    return False


def _is_no_content(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in NO_CONTENT)
