"""What ``--data`` accepts, and the short forms of a data source that ``source = "..."`` does."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import tomli

from zoo.errors import format_value
from zoo.plugins.suggestions import suggest

OF_TORCH_SAVE = (".pkl", ".pt")
PREFIXES: Mapping[str, str] = {"pairs": "folder", "burst": "path", "frames": "path"}


def expand_source(text: str, names: Collection[str], base: Path = Path()) -> dict[str, Any]:
    """The table that a short form stands for.

    ============== =========================================================
    ``demo``       a registered source that needs no parameters, by its name
    ``DIR``        a folder of pictures, where there is one of that name; also one picture file
    ``FILE.pkl``   pairs in EE-559's file format, as ``FILE.pt``
    ``pairs:DIR``  one folder of pairs, ``NAME_a.png`` beside ``NAME_b.png``
    ``burst:DIR``  a folder of scenes, each a folder with two or more noisy shots
    ``frames:X``   a TIFF stack, or a folder of numbered pictures or of stacks
    ``DIR,DIR``    two folders of noisy images of the same names
    ============== =========================================================

    Anything else is taken for a folder of clean images that is not there.

    Args:
        text: the short form.
        names: of the registered sources.
        base: the folder that paths are relative to; the working folder unless given.
    """
    if text in names:
        return {"type": text}
    if text and _is_folder(base / text):  # before a comma or colon in its name is looked for
        return {"type": "folder", "path": text}
    if text.lower().endswith(OF_TORCH_SAVE):
        return {"type": "pkl", "path": text}
    prefix, colon, rest = text.partition(":")
    if colon and prefix in PREFIXES:
        return {"type": prefix, PREFIXES[prefix]: rest}
    for comma in (index for index, character in enumerate(text) if character == ","):
        first, second = text[:comma], text[comma + 1 :]
        there = all(path and _is_folder(base / path) for path in (first, second))
        if there or text.count(",") == 1:
            return {"type": "pairs", "first": first, "second": second}
    return {"type": "folder", "path": text}


def misspelt_source(text: str, names: Collection[str], base: Path) -> tuple[str, str]:
    """What is wrong with a short form that names nothing that is there, and what was meant.

    Args:
        text, names, base: as of :func:`expand_source`.

    Returns:
        Two texts, both empty for a form that is right, or may be a folder that is missing.
    """
    prefix, colon, rest = text.partition(":")
    if _is_there(base / text) or prefix in PREFIXES:
        return "", ""
    if text.count(",") > 1 and expand_source(text, (), base)["type"] == "folder":
        count = text.count(",") + 1
        return (
            f"is {format_value(text)}, {count} names with commas between them. A comma stands "
            "between the two folders of pairs: name one folder, or two.",
            "",
        )
    if not colon or not prefix.isidentifier():
        return "", ""
    known = ", ".join(PREFIXES)
    message = f"is {format_value(text)}. What stands before a colon is one of: {known}."
    if rest.startswith("//"):
        return f"is {format_value(text)}. zoo downloads nothing: name a folder or file.", ""
    if prefix in names:
        return message, f"Did you mean {format_value(rest)}?"
    meant = suggest(prefix, PREFIXES)
    return (message, f"Did you mean {format_value(f'{meant}:{rest}')}?") if meant else ("", "")


def typed_source(text: str, base: Path) -> Any:
    """A source as it was typed: the table that a text in braces is, else the text.

    Args:
        text: a short form, or a table as a file has it, ``{ type = "pkl", path = "a.pkl" }``.
        base: the folder that paths are relative to.

    Raises:
        ValueError: braces that are no TOML.
    """
    if not text.lstrip().startswith("{") or _is_folder(base / text):
        return text
    (value,) = tomli.loads(f"source = {text}").values()
    return value


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that is too long or that no file can have
        return False


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # a name that is too long, or a folder above that may not be read
        return False
