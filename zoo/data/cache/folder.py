"""The folder of a cache: made, or known again by the file that says what it is."""

from __future__ import annotations

from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path

from zoo.errors import UsageError, WriteError, printable
from zoo.files import create_text, read_regular
from zoo.pictures.folders import CACHE

TEXT = """Pictures that zoo has decoded, for zoo run --cache and other commands.
Nothing but time is lost with this folder: delete it when no command uses it.
"""
NO_CONTENT = (".zoo-*.tmp", "lost+found", ".DS_Store")  # of another that makes it, of a new disk
MOST = 4096  # bytes of the file that says what a folder is


def open_folder(folder: Path) -> None:
    """Make a folder that of a cache, unless it is that already.

    Raises:
        UsageError: it has other files in it, or is no folder.
        WriteError: it cannot be made.
    """
    where = f"--cache {printable(str(folder))}"
    if _is_cache(folder):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        others = [entry.name for entry in folder.iterdir() if not _is_no_content(entry.name)]
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{where}: not a folder. Use a new or empty folder.") from error
    except OSError as error:
        raise WriteError(f"{where}: cannot be used: {error.strerror}. Use another.") from error
    if others and CACHE not in others:
        raise UsageError(
            f"{where}: has other files in it ({printable(min(others))}), and is no cache of "
            "pictures. Use a new or empty folder."
        )
    with suppress(FileExistsError):  # another process was faster
        create_text(folder / CACHE, TEXT)


def _is_cache(folder: Path) -> bool:
    with suppress(OSError):
        return read_regular(folder / CACHE, MOST).startswith(TEXT.encode()[:30])
    return False


def _is_no_content(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in NO_CONTENT)
