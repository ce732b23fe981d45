"""Paths as they are written in a file: from where they count, the home folder, odd names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

URI = "file:///"  # how a path is written whose bytes are no text


def written_path(text: str, base: Path) -> Path:
    """The path that a text means.

    Args:
        text: a path, relative to ``base`` or not. ``~`` at its beginning is the home folder, unless
            something has that name. An absolute one may be written as a URI, ``file:///a%E9``.
        base: a folder.

    Raises:
        ValueError: it has a null character.
    """
    if text.startswith(URI):
        return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(URI[:-1]))))
    return base / with_home(text, base)


def with_home(text: str, base: Path = Path()) -> str:
    """The text with the home folder for ``~`` at its beginning, unless something has that name."""
    if text.startswith("~") and not os.path.lexists(base / Path(text).parts[0]):
        return os.path.expanduser(text)  # noqa: PTH111 - Path's raises where there is no home
    return text


def with_uris(value: Any) -> Any:
    """A resolved document that TOML can hold: paths whose bytes are no text become URIs."""
    if isinstance(value, Mapping):
        return {key: with_uris(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_uris(item) for item in value]
    if isinstance(value, str) and not _is_text(value) and Path(value).is_absolute():
        return Path(value).as_uri()
    return value


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:  # Python keeps other bytes as surrogates
        return False
    return True
