"""The short forms of a data source: what ``--data`` and ``source = "..."`` accept."""

from __future__ import annotations

from collections.abc import Container
from typing import Any


def expand_source(text: str, names: Container[str]) -> dict[str, Any]:
    """The table that a short form stands for.

    ============== =========================================================
    ``demo``       a registered source that needs no parameters, by its name
    ``FILE.pkl``   pairs in EE-559's file format
    ``pairs:DIR``  one folder of pairs, ``NAME_a.png`` beside ``NAME_b.png``
    ``DIR,DIR``    two folders of noisy images of the same names
    ``DIR``        a folder of clean images
    ============== =========================================================
    """
    if text in names:
        return {"type": text}
    if text.lower().endswith(".pkl"):
        return {"type": "pkl", "path": text}
    if text.startswith("pairs:"):
        return {"type": "pairs", "folder": text.removeprefix("pairs:")}
    if text.count(",") == 1:
        first, second = text.split(",")
        return {"type": "pairs", "first": first, "second": second}
    return {"type": "folder", "path": text}
