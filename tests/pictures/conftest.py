from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from zoo.pictures import open_picture, write_picture

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Again:
    """A file as it was read, and as it was read again once its planes were written back."""

    path: Path
    planes: list[Array]
    found: list[Array]
    picture: Any
    reread: Any
    remarks: list[str]


@pytest.fixture
def again(tmp_path: Path) -> Callable[..., Again]:
    """Read a file, write its planes (or what ``change`` makes of them), read the result."""

    def go(
        path: Path,
        change: Callable[[Array], Array] = lambda plane: plane,
        name: str = "",
        **options: Any,
    ) -> Again:
        target = tmp_path / (name or f"again_{path.name}")
        with open_picture(path) as picture:
            planes = [plane.copy() for plane in picture.planes()]
            changed: Iterable[Array] = (change(plane) for plane in picture.planes())
            remarks = write_picture(target, picture, changed, **options)
        with open_picture(target) as reread:
            found = list(reread.planes())
        return Again(target, planes, found, picture, reread, remarks)

    return go


@pytest.fixture
def draw() -> Callable[..., Array]:
    """Random values of a type: all of its integers up to ``bits``, or floats in [0, 1)."""

    def go(*shape: int, dtype: Any = np.uint8, bits: int | None = None) -> Array:
        generator = np.random.default_rng(0)
        if np.dtype(dtype).kind == "f":
            return generator.random(shape).astype(dtype)
        high = 2 ** (bits or np.dtype(dtype).itemsize * 8)
        return generator.integers(0, high, shape).astype(dtype)

    return go
