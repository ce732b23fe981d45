"""Files of a folder that is from anybody, and not those that its links lead to."""

from __future__ import annotations

from errno import ELOOP
from pathlib import Path


def inside(path: Path) -> Path:
    """The path of a file or folder, which lies in its folder itself.

    Raises:
        OSError: it is a link out of it, as to a file of this machine that is no part of a run.
    """
    if not path.resolve().is_relative_to(path.parent.resolve()):
        raise OSError(ELOOP, "a link to somewhere else, which is not followed", str(path))
    return path
