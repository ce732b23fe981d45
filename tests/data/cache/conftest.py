from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.data.cache.making import values, write
from zoo.data import stored
from zoo.data.cache import cache as cache_module
from zoo.pictures.folders import find_pictures


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures: bytes, grey bytes, 16 bits and floats, one wider than a band."""
    photos = tmp_path / "photos"
    write(photos / "a.png", values(30, 2 * stored.BAND + 9, 3))
    write(photos / "b.png", values(40, 33))
    write(photos / "c.png", values(25, 31, 3, dtype=np.uint16))
    write(photos / "d.tif", values(3, 28, 29, dtype=np.float32))
    return photos


@pytest.fixture
def pictures(folder: Path) -> tuple[Path, ...]:
    return find_pictures(folder).pictures


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded."""
    names: list[str] = []

    def read_pages(path: Path, *rest: Any) -> Any:
        names.append(path.name)
        return original(path, *rest)

    original = cache_module.read_pages
    monkeypatch.setattr(cache_module, "read_pages", read_pages)
    return names
